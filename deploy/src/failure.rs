//! Errors, in words for the person at the terminal.

use std::fmt::Display;

/// What went wrong and, where somebody can do something about it, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// Adds what was being done to an error.
pub trait Context<T> {
    /// Puts `doing` before the error's own text.
    ///
    /// # Errors
    /// The error, if there was one.
    fn context(self, doing: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, doing: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{doing}: {error}")))
    }
}
