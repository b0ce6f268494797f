//! The interface between a service and the program that runs it.

use std::time::Duration;

use schemars::JsonSchema;
use schemas::topics::Topic;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::handler::{Fatal, Handler};
use crate::settings::{Check, Problems, Settings, TopicNames};

/// Topics of a service; inputs in the order of [`Input`](crate::Input).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// Topics it reads.
    pub inputs: Vec<String>,
    /// Topics it writes, with their names.
    pub outputs: Vec<(Topic, String)>,
}

impl Topics {
    /// Returns the topics of a service that reads `inputs` and writes `outputs`, by the names in
    /// `names`.
    #[must_use]
    pub fn of(names: &TopicNames, inputs: &[Topic], outputs: &[Topic]) -> Self {
        Self {
            inputs: inputs.iter().map(|topic| names.of(*topic).clone()).collect(),
            outputs: outputs.iter().map(|topic| (*topic, names.of(*topic).clone())).collect(),
        }
    }

    /// Returns the names of all topics, inputs first.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.inputs.iter().chain(self.outputs.iter().map(|(_, name)| name))
    }
}

/// A service: the program `isobar-NAME`.
pub trait Service {
    /// Name of the service, of its section in the settings, and of its consumer group (`isobar-NAME`).
    const NAME: &'static str;
    /// Description of the service, in one line.
    const ABOUT: &'static str;
    /// Port of its health and metrics server, unless it is set.
    const DEFAULT_PORT: u16;
    /// Section of the settings of this service. The runtime reports unknown keys, so `#[serde(default)]`
    /// is sufficient.
    type Settings: Serialize + DeserializeOwned + JsonSchema + Default + Check;
    /// Opened files and parameters that the settings name.
    type Resources;

    /// Returns the topics that it reads and writes.
    fn topics(settings: &Settings<Self::Settings>) -> Topics;

    /// Opens what the settings name, once, before the service starts. Everything that cannot be used is
    /// added to `problems`, by its path in the section; then there are no resources.
    fn open(
        settings: &Settings<Self::Settings>,
        problems: &mut Problems,
    ) -> Option<Self::Resources>;

    /// Builds its logic from what [`Service::open`] returned; its metrics go to `registry`.
    ///
    /// # Errors
    /// When something that it cannot do without is missing.
    fn handler(
        settings: &Settings<Self::Settings>,
        resources: Self::Resources,
        registry: &prometheus::Registry,
    ) -> Result<Box<dyn Handler>, Fatal>;

    /// Opens what the settings name and builds the logic.
    ///
    /// # Errors
    /// The errors of [`Service::handler`], and all problems of [`Service::open`].
    fn start(
        settings: &Settings<Self::Settings>,
        registry: &prometheus::Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        let mut problems = Problems::default();
        let resources = Self::open(settings, &mut problems).ok_or(problems)?;
        Self::handler(settings, resources, registry)
    }

    /// Tests connections other than that to Kafka (`check --connect`), each for at most `timeout`, and
    /// adds failures to `problems`.
    fn connect(settings: &Settings<Self::Settings>, timeout: Duration, problems: &mut Problems) {
        let _ = (settings, timeout, problems);
    }
}
