//! Errors of commands, with texts for the person at the terminal.

use std::error::Error;
use std::fmt::Display;

use runtime::Unreachable;
use service::Problems;

/// Error of an operator's command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command cannot be carried out in the present state. The text names the problem and, if
    /// there is a remedy, what to do.
    #[error("{0}")]
    Refused(String),
    /// Kafka cannot be reached.
    #[error(transparent)]
    Unreachable(Box<Unreachable>),
    /// Settings are wrong. Contains all problems, one line each.
    #[error("{origin}{}", .problems.lines().join("\n        "))]
    Settings {
        /// Origin of the settings, as a prefix of the text.
        origin: &'static str,
        /// The problems.
        #[source]
        problems: Problems,
    },
    /// A step failed.
    #[error("{step}: {source}")]
    Failed {
        /// The step, or the thing that it was about.
        step: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl From<Unreachable> for Failure {
    fn from(unreachable: Unreachable) -> Self {
        Self::Unreachable(Box::new(unreachable))
    }
}

/// Adds the step that failed to an error.
pub trait Context<T> {
    /// Puts `step` before the error's own text; the error is kept as the source.
    ///
    /// # Errors
    /// The error, if there was one.
    fn context(self, step: impl Display) -> Result<T, Failure>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Context<T> for Result<T, E> {
    fn context(self, step: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::Failed { step: step.to_string(), source: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_failed_step_keeps_its_cause_as_the_source() {
        let failed: Result<(), _> = Err(io::Error::from(io::ErrorKind::NotFound));
        let Err(failure) = failed.context("up.json") else { unreachable!() };
        assert_eq!(failure.to_string(), "up.json: entity not found");
        let source = failure.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::NotFound));
    }
}
