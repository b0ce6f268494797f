//! From raw events to canonical reports.
//!
//! A raw event is decoded from its wire format, compared with the snapshots that its session sent
//! before, and written as one report of intervals: what happened between two snapshots of a
//! stream. What cannot be used is dead-lettered with its bytes and a reason.

mod counters;
mod counts;
mod event;
mod formats;
mod intervals;
mod lineage;
mod metrics;
#[cfg(feature = "mutations")]
pub mod mutations;
mod outbox;
mod partition;
mod pipeline;
mod rules;
mod settings;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

use runtime::{Fatal, Handler, Service, Topics};

use self::metrics::Metrics;
use self::pipeline::Pipeline;
pub use self::settings::Settings;

/// The service `isobar-ingest`.
#[derive(Debug)]
pub struct Ingest;

impl Service for Ingest {
    const NAME: &'static str = "ingest";
    const ABOUT: &'static str = "Turns raw WebRTC statistics into reports of intervals";
    const DEFAULT_PORT: u16 = 9601;
    type Settings = Settings;

    fn topics(settings: &runtime::Settings<Settings>) -> Topics {
        let topics = &settings.topics;
        Topics {
            inputs: vec![topics.raw.clone()],
            outputs: vec![topics.reports.clone(), topics.dead_letters.clone()],
        }
    }

    fn handler(
        settings: &runtime::Settings<Settings>,
        registry: &prometheus::Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        let metrics = Metrics::new(registry)?;
        let raw_topic = settings.topics.raw.clone();
        Ok(Box::new(Pipeline::new(settings.service.clone(), raw_topic, metrics)))
    }
}
