//! Connections of the commands to Kafka and ClickHouse: the user's own, or those of `isobar up`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{self, Path, PathBuf};

use clap::Args;
use rdkafka::ClientConfig;
use service::Kafka;

use crate::access;
use crate::failure::{Context, Failure};
use crate::names::{self, Names};
use crate::running::{Running, state_folder};

/// Address, client options and names of a Kafka cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Bootstrap servers: `host:port`, separated by commas.
    pub brokers: String,
    /// Further options for librdkafka, such as those of TLS and SASL.
    pub options: BTreeMap<String, String>,
    /// The settings file that the options come from.
    pub config: Option<PathBuf>,
    /// Secret that signs replayed records; empty if there is none.
    pub replay_key: String,
    /// Names of topics and groups.
    pub names: Names,
}

impl Cluster {
    /// Returns a cluster that is reached without TLS and SASL.
    #[must_use]
    pub fn at(brokers: &str) -> Self {
        Self { brokers: brokers.to_owned(), ..Self::default() }
    }

    /// Returns the cluster of the section `[kafka]` in a service's settings `file`, at `brokers` if they are
    /// given.
    ///
    /// # Errors
    /// All errors of the file; then, the reason why the cluster does not answer.
    fn described(file: &Path, brokers: Option<String>) -> Result<Self, Failure> {
        let (settings, topics) = runtime::kafka_settings(file)
            .map_err(|problems| Failure::Settings { origin: "--kafka-config: ", problems })?;
        let cluster = Self {
            brokers: brokers.unwrap_or(settings.brokers),
            options: settings.options,
            replay_key: settings.replay_key,
            config: Some(path::absolute(file).context(file.display())?),
            names: Names { topics, ..Names::default() },
        };
        cluster.answer()?;
        Ok(cluster)
    }

    /// Returns the cluster with this secret, if it has none.
    #[must_use]
    pub fn with_replay_key(self, secret: &str) -> Self {
        match self.replay_key.is_empty() {
            true => Self { replay_key: secret.to_owned(), ..self },
            false => self,
        }
    }

    /// Returns the configuration of a client with options of its `own`, which those of the cluster override.
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

    /// Waits for any response.
    ///
    /// # Errors
    /// If there is none within seconds.
    fn answer(&self) -> Result<(), Failure> {
        runtime::reach(&self.settings()).map_err(Failure::from)
    }

    /// Returns the settings of a service on this cluster.
    #[must_use]
    pub fn settings(&self) -> Kafka {
        let (brokers, options) = (self.brokers.clone(), self.options.clone());
        Kafka { brokers, options, ..Kafka::default() }
    }

    /// Returns the cluster at `brokers`, if it answers.
    ///
    /// # Errors
    /// If it does not answer, or the secret for replayed records is invalid.
    fn answering_at(brokers: &str) -> Result<Self, Failure> {
        let replay_key = runtime::replay_secret()
            .map_err(|problems| Failure::Settings { origin: "", problems })?;
        let cluster = Self { replay_key, ..Self::at(brokers) };
        cluster.answer()?;
        Ok(cluster)
    }
}

/// Arguments that name the user's own Kafka.
#[derive(Clone, Debug, Default, Args)]
pub struct KafkaArgs {
    /// Your own Kafka: host:port, separated by commas, instead of the one that `isobar up` or
    /// `isobar demo` starts.
    #[arg(long = "kafka", value_name = "BROKERS")]
    brokers: Option<String>,
    /// A service's settings file. Its section [kafka] has the brokers, unless --kafka gives them, and
    /// options such as those of TLS and SASL; its section [topics] has the names of the topics.
    /// Environment variables override it, as they do for the service.
    #[arg(long = "kafka-config", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prefix of the names of topics and groups, before the services' default names.
    #[arg(long, value_name = "TEXT", value_parser = names::prefix)]
    prefix: Option<String>,
}

impl KafkaArgs {
    /// Returns the cluster that the arguments name, if they name one.
    ///
    /// # Errors
    /// All errors of the settings file; then, the reason why the cluster does not answer.
    pub fn cluster(&self) -> Result<Option<Cluster>, Failure> {
        let cluster = match &self.config {
            Some(file) => Some(Cluster::described(file, self.brokers.clone())?),
            None => self.brokers.as_deref().map(Cluster::answering_at).transpose()?,
        };
        Ok(cluster.map(|cluster| self.named(cluster)))
    }

    /// Returns the cluster that the arguments name, or else that of the running `isobar up`.
    ///
    /// # Errors
    /// If there is neither, the settings file is wrong, or the cluster does not answer.
    pub fn or_of_up(&self) -> Result<Cluster, Failure> {
        if let Some(cluster) = self.cluster()? {
            return Ok(cluster);
        }
        let running = Running::find().context("no --kafka is given")?;
        let Running { kafka, kafka_config, names, .. } = running;
        let cluster = match kafka_config {
            Some(file) => Cluster::described(&file, Some(kafka))?,
            None => Cluster::answering_at(&kafka)?,
        };
        let cluster = self.named(Cluster { names, ..cluster });
        Ok(cluster.with_replay_key(&access::replay_key(&state_folder()?)?))
    }

    /// Returns `cluster` with the given prefix.
    fn named(&self, cluster: Cluster) -> Cluster {
        match &self.prefix {
            Some(prefix) => Cluster { names: Names::with_prefix(prefix), ..cluster },
            None => cluster,
        }
    }

    /// Returns the command-line arguments with this meaning. Options of the client stay in their file.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let argument = |name: &str, value: OsString| [name.into(), value];
        let brokers = self.brokers.iter().flat_map(|it| argument("--kafka", it.into()));
        let config = self.config.iter().flat_map(|it| argument("--kafka-config", it.into()));
        let prefix = self.prefix.iter().flat_map(|it| argument("--prefix", it.into()));
        brokers.chain(config).chain(prefix).collect()
    }
}

impl From<&Cluster> for KafkaArgs {
    fn from(cluster: &Cluster) -> Self {
        let prefix = Some(cluster.names.prefix.clone()).filter(|prefix| !prefix.is_empty());
        Self { brokers: Some(cluster.brokers.clone()), config: cluster.config.clone(), prefix }
    }
}
