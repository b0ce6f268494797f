//! Enrich: reads canonical reports and writes them on with place, provider, device, scores and
//! verdicts, and without the client's address.
//!
//! It drops nothing and keeps nothing: what it cannot look up is unknown, as data.

mod address;
mod cache;
mod device;
pub mod e_model;
mod file;
mod geo;
mod measure;
mod metrics;
pub mod pack;
mod pipeline;
mod place;
mod ranges;
pub mod score;
mod settings;

use prometheus::Registry;
use runtime::{Fatal, Handler, Problems, Service, Settings, Topics};

use crate::device::Devices;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
pub use crate::settings::EnrichSettings;

/// The service.
#[derive(Clone, Copy, Debug)]
pub struct Enrich;

impl Service for Enrich {
    const NAME: &'static str = "enrich";
    const ABOUT: &'static str =
        "Adds place, provider, device, scores and verdicts to reports, and takes the address off.";
    const DEFAULT_PORT: u16 = 9602;
    type Settings = EnrichSettings;

    fn topics(settings: &Settings<EnrichSettings>) -> Topics {
        let topics = &settings.topics;
        Topics {
            inputs: vec![topics.reports.clone()],
            outputs: vec![topics.enriched.clone(), topics.dead_letters.clone()],
        }
    }

    fn handler(
        settings: &Settings<EnrichSettings>,
        registry: &Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        let enrich = &settings.service;
        if enrich.city.is_empty() {
            tracing::warn!("enrich.city names no file: every place is unknown");
        }
        if enrich.asn.is_empty() {
            tracing::warn!("enrich.asn names no file: every provider is unknown");
        }
        let mut problems = Problems::default();
        let tables =
            enrich.open(&mut problems).ok_or_else(|| Fatal(problems.lines().join("; ")))?;
        let devices = Devices::new().map_err(Fatal)?;
        let (metrics, topic) = (Metrics::new(registry)?, settings.topics.reports.clone());
        Ok(Box::new(Pipeline::new(tables, devices, enrich, metrics, topic)))
    }
}
