//! What makes a program out of a handler.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::handler::{Fatal, Handler};
use crate::settings::{Check, Problems, Settings};

/// Topics of a service, in the order of [`Input`](crate::Input) and
/// [`OutputTopic`](crate::OutputTopic).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// Topics it reads.
    pub inputs: Vec<String>,
    /// Topics it writes.
    pub outputs: Vec<String>,
}

/// A service: the program `isobar-NAME`.
pub trait Service {
    /// Its name, also that of its section in the settings and of its consumer group
    /// (`isobar-NAME`).
    const NAME: &'static str;
    /// What it does, in one line.
    const ABOUT: &'static str;
    /// Port of its health and metrics server, unless the settings say otherwise.
    const DEFAULT_PORT: u16;
    /// Its own section of the settings. Unknown keys are found by the runtime, so
    /// `#[serde(default)]` is all it needs.
    type Settings: Serialize + DeserializeOwned + JsonSchema + Default + Check;

    /// What it reads and writes.
    fn topics(settings: &Settings<Self::Settings>) -> Topics;

    /// Builds its logic; its metrics go to `registry`.
    ///
    /// # Errors
    /// When something that it cannot do without is missing.
    fn handler(
        settings: &Settings<Self::Settings>,
        registry: &prometheus::Registry,
    ) -> Result<Box<dyn Handler>, Fatal>;

    /// Tries what the service needs beside Kafka (`check --connect`) for at most `timeout`, and
    /// adds what fails to `problems`.
    fn connect(settings: &Settings<Self::Settings>, timeout: Duration, problems: &mut Problems) {
        let _ = (settings, timeout, problems);
    }
}
