//! Conversion of raw events to canonical reports.
//!
//! A raw event is decoded from its wire format, compared with earlier snapshots of its session, and
//! written as one report of intervals (the differences between two snapshots of a stream). Records
//! that cannot be used are dead-lettered with their bytes and a reason.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod counters;
mod counts;
mod event;
mod formats;
mod intervals;
mod limits;
mod lineage;
mod metrics;
#[cfg(feature = "mutations")]
pub mod mutations;
mod outbox;
mod partition;
mod pipeline;
mod settings;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

use service::{Fatal, Handler, Service, Topic, Topics};

use self::metrics::Metrics;
use self::pipeline::Pipeline;
pub use self::settings::Settings;

/// The service `isobar-ingest`.
#[derive(Debug)]
pub struct Ingest;

/// Reason why ingest rejects a record, as in its dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the reason.
    pub reason: &'static str,
    /// Description of the error and its position, without values of the payload.
    pub detail: String,
}

/// Checks a record as ingest does with its default settings, regardless of its time. For tools that
/// send records.
///
/// # Errors
/// The reason why ingest would dead-letter it.
pub fn examine(payload: &[u8], key: &[u8]) -> Result<(), Refusal> {
    let source = formats::Source { payload, content_type: None, key: Some(key) };
    let refused = |rejected: formats::Rejected| Refusal {
        reason: rejected.reason.code(),
        detail: rejected.detail,
    };
    formats::decode_finite(source, &Settings::default(), &mut None).map(|_| ()).map_err(refused)
}

impl Service for Ingest {
    const NAME: &'static str = "ingest";
    const ABOUT: &'static str = "Turns raw WebRTC statistics into reports of intervals";
    const DEFAULT_PORT: u16 = 9601;
    type Settings = Settings;
    type Resources = ();

    fn topics(settings: &service::Settings<Settings>) -> Topics {
        Topics::of(&settings.topics, &[Topic::Raw], &[Topic::Reports, Topic::DeadLetters])
    }

    fn open(_: &service::Settings<Settings>, _: &mut service::Problems) -> Option<()> {
        Some(())
    }

    fn handler(
        settings: &service::Settings<Settings>,
        (): (),
        registry: &prometheus::Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        let metrics = Metrics::new(registry)?;
        let raw_topic = settings.topics.raw.clone();
        Ok(Box::new(Pipeline::new(settings.service.clone(), raw_topic, metrics)))
    }
}
