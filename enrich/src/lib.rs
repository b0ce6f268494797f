//! Enrich: reads canonical reports, adds place, provider, device, scores and verdicts, and removes
//! the client's address.
//!
//! It drops no record and keeps no state. The result of a look-up without data is `unknown`.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod address;
mod claim;
mod content;
mod device;
pub mod e_model;
mod error;
mod file;
mod geo;
mod groups;
mod iso;
mod locate;
mod measure;
mod metrics;
mod mmdb;
pub mod pack;
mod pipeline;
mod place;
mod ranges;
mod reload;
pub mod score;
mod screen;
mod settings;
mod sources;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

use std::time::Duration;

use prometheus::Registry;
use service::{Fatal, Handler, Problems, Service, Settings, Topic, Topics};

use crate::device::Devices;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::reload::Reloading;

pub use crate::error::ParameterError;
pub use crate::locate::{Located, Locator, Origin};
pub use crate::settings::{EnrichSettings, Tables};

/// The service.
#[derive(Clone, Copy, Debug)]
pub struct Enrich;

impl Service for Enrich {
    const NAME: &'static str = "enrich";
    const ABOUT: &'static str =
        "Adds place, provider, device, scores and verdicts to reports, and removes the address.";
    const DEFAULT_PORT: u16 = 9602;
    type Settings = EnrichSettings;
    type Resources = Tables;

    fn topics(settings: &Settings<EnrichSettings>) -> Topics {
        Topics::of(&settings.topics, &[Topic::Reports], &[Topic::Enriched, Topic::DeadLetters])
    }

    fn open(settings: &Settings<EnrichSettings>, problems: &mut Problems) -> Option<Tables> {
        settings.service.open(problems)
    }

    fn handler(
        settings: &Settings<EnrichSettings>,
        tables: Tables,
        registry: &Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        let enrich = &settings.service;
        if enrich.city.is_empty() {
            tracing::warn!("enrich.city names no file: every place is unknown");
        }
        if enrich.asn.is_empty() {
            tracing::warn!("enrich.asn names no file: every provider is unknown");
        }
        let devices = Devices::new().map_err(Fatal::caused)?;
        let (metrics, topic) = (Metrics::new(registry)?, settings.topics.reports.clone());
        let (geo, reload) = (tables.sources.geo(), metrics.reload.clone());
        tables.sources.show_builds(&reload);
        let locator = Locator::new(geo, enrich, metrics.clone());
        let pipeline = Pipeline::new(locator, tables.scores, devices, enrich, metrics, topic);
        if enrich.reload_s == 0 {
            return Ok(Box::new(pipeline));
        }
        let period = Duration::from_secs(enrich.reload_s.into());
        Ok(Box::new(Reloading::new(pipeline, tables.sources, reload, period)?))
    }
}
