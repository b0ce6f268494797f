//! Options of a simulated world.

use std::time::{Duration, TryFromFloatSecsError};

use clap::Args;
use world::world::Scenario;

/// Options of a simulated world.
#[derive(Clone, Debug, Args)]
pub struct World {
    /// Seed of the random numbers: the same seed and start make the same world, byte for byte.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Sessions that are live at the same time.
    #[arg(long, default_value_t = 1000)]
    pub sessions: u32,
    /// Events per second; a session reports every (sessions / rate) seconds.
    #[arg(long, default_value_t = 250.0)]
    pub rate: f64,
    /// Duration: 60s, 5m, 1h; by default until Ctrl-C.
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,
    /// Events of the world: usual, isp-incident, steady, one-call.
    #[arg(long, default_value = "usual", value_parser = scenario)]
    pub scenario: Scenario,
}

impl World {
    /// Returns the command-line arguments that make the same world.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--seed={}", self.seed),
            format!("--sessions={}", self.sessions),
            format!("--rate={}", self.rate),
            format!("--scenario={}", self.scenario.name()),
        ];
        arguments.extend(self.duration.map(|time| format!("--duration={}s", time.as_secs_f64())));
        arguments
    }
}

/// Value of an option that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Not a number with a unit.
    #[error("give a number with s, m or h, such as 60s")]
    Duration,
    /// Negative, or too large.
    #[error(transparent)]
    DurationRange(#[from] TryFromFloatSecsError),
    /// No scenario of this name.
    #[error("there are usual, isp-incident, steady and one-call")]
    Scenario,
}

/// Reads `90`, `90s`, `1.5m` or `2h`.
///
/// # Errors
/// If it is none of these.
pub fn duration(text: &str) -> Result<Duration, OptionError> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(OptionError::Duration),
    };
    let number: f64 = number.parse().map_err(|_| OptionError::Duration)?;
    Ok(Duration::try_from_secs_f64(number * seconds)?)
}

/// Reads the name of a scenario.
///
/// # Errors
/// Names the known ones.
pub fn scenario(name: &str) -> Result<Scenario, OptionError> {
    Scenario::named(name).ok_or(OptionError::Scenario)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_seconds_minutes_and_hours() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert!(duration("soon").is_err() && duration("-5s").is_err() && duration("5d").is_err());
    }
}
