//! The service's metrics. Look-ups are counted where they are made: what is remembered is not
//! looked up again.

use std::fmt::Display;

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use runtime::Fatal;
use schemas::EventKind;

/// A kind of look-up data.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Table {
    City,
    Asn,
}

/// The metrics.
pub(crate) struct Metrics {
    reports: IntCounter,
    covers: IntCounter,
    dead_letters: IntCounterVec,
    look_ups: IntCounterVec,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// When one is registered already.
    pub(crate) fn new(registry: &Registry) -> Result<Self, Fatal> {
        let register = || -> prometheus::Result<Self> {
            let metrics = Self {
                reports: IntCounter::new("isobar_enrich_reports_total", "Reports enriched.")?,
                covers: IntCounter::new(
                    "isobar_enrich_covers_total",
                    "Records passed on that carry nothing but lineage.",
                )?,
                dead_letters: IntCounterVec::new(
                    Opts::new("isobar_enrich_dead_letters_total", "Records given up, by reason."),
                    &["reason"],
                )?,
                look_ups: IntCounterVec::new(
                    Opts::new(
                        "isobar_enrich_look_ups_total",
                        "Addresses looked up in files, by table (city, asn) and outcome (found, \
                         not_found, error: the file is damaged there).",
                    ),
                    &["table", "outcome"],
                )?,
            };
            registry.register(Box::new(metrics.reports.clone()))?;
            registry.register(Box::new(metrics.covers.clone()))?;
            registry.register(Box::new(metrics.dead_letters.clone()))?;
            registry.register(Box::new(metrics.look_ups.clone()))?;
            Ok(metrics)
        };
        register().map_err(|error| Fatal(error.to_string()))
    }

    /// A record was enriched.
    pub(crate) fn enriched(&self, event: EventKind) {
        match event {
            EventKind::Cover => self.covers.inc(),
            _ => self.reports.inc(),
        }
    }

    /// A record was given up.
    pub(crate) fn dead_letter(&self, reason: &str) {
        self.dead_letters.with_label_values(&[reason]).inc();
    }

    /// Counts a look-up. An error is an address not found, for no record waits for better data.
    pub(crate) fn look_up<T>(
        &self,
        table: Table,
        outcome: Result<Option<T>, impl Display>,
    ) -> Option<T> {
        let (label, found) = match outcome {
            Ok(Some(found)) => ("found", Some(found)),
            Ok(None) => ("not_found", None),
            Err(error) => {
                tracing::debug!(?table, %error, "look-up failed");
                ("error", None)
            }
        };
        let table = match table {
            Table::City => "city",
            Table::Asn => "asn",
        };
        self.look_ups.with_label_values(&[table, label]).inc();
        found
    }
}
