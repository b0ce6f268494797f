//! The Kafka that a verb works on: somebody's own, or that of `isobar up`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{self, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use crate::failure::{Context, Failure};
use crate::stack::Deadline;
use crate::up::Running;

/// For a cluster's first answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at why there is none yet.
const LOOK: Duration = Duration::from_millis(200);

/// Where a cluster is, and how it is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Addresses to find it by: `host:port`, separated by commas.
    pub brokers: String,
    /// Further options for librdkafka, such as those of TLS and SASL.
    pub options: BTreeMap<String, String>,
    /// The settings file that tells them.
    pub config: Option<PathBuf>,
}

impl Cluster {
    /// One that is reached in plain text.
    #[must_use]
    pub fn at(brokers: &str) -> Self {
        Self { brokers: brokers.to_owned(), ..Self::default() }
    }

    /// The one that the section `[kafka]` of a service's settings `file` describes, at `brokers` if
    /// they are given.
    ///
    /// # Errors
    /// All that is wrong with the file; then, why what it describes does not answer.
    fn described(file: &Path, brokers: Option<String>) -> Result<Self, Failure> {
        let settings = runtime::kafka_settings(file).map_err(|problems| {
            Failure(format!("--kafka-config: {}", problems.lines().join("\n        ")))
        })?;
        let cluster = Self {
            brokers: brokers.unwrap_or(settings.brokers),
            options: settings.options,
            config: Some(path::absolute(file).context(file.display())?),
        };
        cluster.answer()?;
        Ok(cluster)
    }

    /// Configuration of a client with options of its `own`; the cluster's go over them.
    #[must_use]
    pub fn client(&self, own: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        for (option, value) in own {
            config.set(*option, *value);
        }
        for (option, value) in &self.options {
            config.set(option, value);
        }
        config
    }

    /// Waits for an answer, of whatever kind.
    ///
    /// # Errors
    /// Why there is none: at once if the cluster says that it lets nobody in like that, for most
    /// calls of librdkafka only know that they took too long.
    fn answer(&self) -> Result<(), Failure> {
        let client = self.client(&[]).create_with_context(Heard::default());
        let client: BaseProducer<Heard> = client.context("Kafka")?;
        let deadline = Deadline::after(PATIENCE);
        loop {
            let answer = client.client().fetch_metadata(None, LOOK);
            let Err(error) = answer else { return Ok(()) };
            client.poll(Duration::ZERO);
            let mut heard = client.context().0.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.refused || deadline.passed() {
                let reason = heard.reason.take().unwrap_or_else(|| error.to_string());
                return Err(Failure(format!("Kafka at {}: {reason}", self.brokers)));
            }
        }
    }
}

/// Hears why a cluster does not answer.
#[derive(Default)]
struct Heard(Mutex<Words>);

#[derive(Default)]
struct Words {
    reason: Option<String>,
    /// Asking again does not help.
    refused: bool,
}

impl ClientContext for Heard {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{AllBrokersDown, Authentication, SSL};
        let code = error.rdkafka_error_code();
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That all are down follows from why the last one is.
        if !heard.refused && code != Some(AllBrokersDown) {
            heard.reason = Some(reason.to_owned());
            heard.refused = matches!(code, Some(Authentication | SSL));
        }
    }
}

impl ProducerContext for Heard {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Somebody's own Kafka.
#[derive(Clone, Debug, Default, Args)]
pub struct Own {
    /// Your own Kafka: host:port, separated by commas, instead of the one that `isobar up` or
    /// `isobar demo` starts.
    #[arg(long = "kafka", value_name = "BROKERS")]
    brokers: Option<String>,
    /// A service's settings file, of which the section [kafka] says how to reach your own Kafka:
    /// the brokers, unless --kafka does, and options such as those of TLS and SASL. Variables of
    /// the environment go over it, as they do for the service.
    #[arg(long = "kafka-config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Own {
    /// The cluster that it names, if it names one.
    ///
    /// # Errors
    /// All that is wrong with the settings file; then, why what it describes does not answer.
    pub fn cluster(&self) -> Result<Option<Cluster>, Failure> {
        match &self.config {
            Some(file) => Cluster::described(file, self.brokers.clone()).map(Some),
            None => Ok(self.brokers.as_deref().map(Cluster::at)),
        }
    }

    /// The cluster that it names, or else that of the `up` that runs.
    ///
    /// # Errors
    /// If there is neither, or what is wrong with the settings file.
    pub fn or_of_up(&self) -> Result<Cluster, Failure> {
        if let Some(cluster) = self.cluster()? {
            return Ok(cluster);
        }
        let Running { kafka, kafka_config, .. } = Running::find().context("no --kafka is given")?;
        match kafka_config {
            Some(file) => Cluster::described(&file, Some(kafka)),
            None => Ok(Cluster::at(&kafka)),
        }
    }

    /// The arguments that say the same. What a cluster's options are stays in their file.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let argument = |name: &str, value: OsString| [name.into(), value];
        let brokers = self.brokers.iter().flat_map(|it| argument("--kafka", it.into()));
        let config = self.config.iter().flat_map(|it| argument("--kafka-config", it.into()));
        brokers.chain(config).collect()
    }
}

impl From<&Cluster> for Own {
    fn from(cluster: &Cluster) -> Self {
        Self { brokers: Some(cluster.brokers.clone()), config: cluster.config.clone() }
    }
}
