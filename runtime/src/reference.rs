//! The reference page of settings, generated from their types.

use host::reference::{HEADER, section};
use service::{Kafka, Limits, Log, Server, Service, TopicNames};

use crate::load::defaults;

/// Returns the settings of `S` as a Markdown table: key, type, default, environment variable, meaning.
#[must_use]
pub fn settings_reference<S: Service>() -> String {
    let mut table = HEADER.to_owned();
    let own = defaults::<S>();
    section::<Kafka>(&mut table, "kafka", &own);
    section::<TopicNames>(&mut table, "topics", &own);
    section::<Server>(&mut table, "server", &own);
    section::<Log>(&mut table, "log", &own);
    section::<Limits>(&mut table, "limits", &own);
    section::<S::Settings>(&mut table, S::NAME, &own);
    table
}
