//! The services' settings files.

use std::path::PathBuf;

use deploy::access::Access;
use deploy::connect::Cluster;
use service::TopicNames;

use super::Service;
use crate::cache::GeoFiles;
use crate::{Stack, Trial};

/// Environment of the services, which their settings depend on.
#[derive(Clone, Debug)]
pub struct ServiceEnvironment {
    /// The `isobar` program, which runs every service.
    pub isobar: PathBuf,
    /// Folder for the settings.
    pub folder: PathBuf,
    /// Folder for their standard error.
    pub logs: PathBuf,
    /// The Kafka cluster.
    pub kafka: Cluster,
    /// Access to ClickHouse.
    pub clickhouse: Access,
    /// Geo and network data.
    pub geo: GeoFiles,
    /// Optional features.
    pub features: Features,
    /// Settings with which the stack takes histories, if it does.
    pub trial: Option<Trial>,
}

/// Optional features of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Every interval is written to ClickHouse as a row of `samples`.
    pub samples: bool,
}

impl ServiceEnvironment {
    /// Returns the environment of services on a stack.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        Self {
            isobar: stack.isobar().to_owned(),
            folder: stack.folder().to_owned(),
            logs: stack.logs(),
            kafka: stack.cluster(),
            clickhouse: stack.access(),
            geo: stack.geo_files(),
            features: Features { samples: true },
            trial: stack.trial(),
        }
    }
}

/// Returns the settings file (TOML) of a service with its health on `port`.
pub fn render(service: Service, environment: &ServiceEnvironment, port: u16) -> String {
    let ServiceEnvironment { kafka, clickhouse, geo, features, trial, .. } = environment;
    let option =
        |(name, value): (&String, &String)| format!("{} = {}\n", quoted(name), quoted(value));
    let common = format!(
        "[kafka]\nbrokers = {}\ngroup = {}\nreplay_key = {}\n\n[kafka.options]\n{}\n[topics]\n{}\n\
         [server]\nlisten = \"127.0.0.1:{port}\"\n",
        quoted(&kafka.brokers),
        quoted(&kafka.names.group(service)),
        quoted(&kafka.replay_key),
        kafka.options.iter().map(option).collect::<String>(),
        topics(&kafka.names.topics),
    );
    let own = match service {
        Service::Ingest => trial.map_or_else(String::new, |trial| {
            let Trial { kept_days, late_h, .. } = trial;
            format!("\n[ingest]\nlate_h = {late_h}\npartials_d = {kept_days}\n")
        }),
        Service::Aggregate => String::new(),
        Service::Enrich => format!(
            "\n[enrich]\ncity = {}\nasn = {}\n",
            serde_json::json!(geo.city),
            serde_json::json!(geo.asn),
        ),
        Service::Sink => format!(
            "\n[sink]\nurl = {}\nuser = \"sink\"\npassword = {}\nsamples = {}\n{}",
            quoted(&clickhouse.url),
            quoted(clickhouse.passwords.of("sink")),
            features.samples,
            trial.map_or_else(String::new, |trial| {
                format!("samples_within_h = {}\n", trial.samples_within_h)
            }),
        ),
    };
    common + &own
}

/// Returns the section `[topics]`.
fn topics(names: &TopicNames) -> String {
    let names = serde_json::json!(names);
    let names = names.as_object().into_iter().flatten();
    names.map(|(topic, name)| format!("{topic} = {name}\n")).collect()
}

/// Returns a TOML string. JSON strings and lists of strings are valid TOML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
