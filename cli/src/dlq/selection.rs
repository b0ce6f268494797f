//! Selection of dead letters, and access to their topic.

use clap::Args;
use deploy::connect::{Cluster, KafkaArgs};
use deploy::failure::Failure;
use deploy::names::RawTopic;
use service::TopicNames;

use super::filter::Filter;

/// Selection of dead letters.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Selection {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// The raw topic [default: rtc-stats-raw-v1, or that of the `isobar up` that runs].
    #[arg(long, value_name = "TOPIC")]
    raw_topic: Option<String>,
    #[command(flatten)]
    pub(super) filter: Filter,
}

impl Selection {
    /// Returns the cluster and the names of its topics.
    pub(super) fn access(&self) -> Result<Access, Failure> {
        let cluster = self.kafka.or_of_up()?;
        let raw = RawTopic { name: self.raw_topic.clone() };
        let names = raw.over(cluster.names.clone()).topics;
        Ok(Access { cluster, names })
    }
}

/// The cluster, and the names of its topics.
pub(super) struct Access {
    pub(super) cluster: Cluster,
    pub(super) names: TopicNames,
}
