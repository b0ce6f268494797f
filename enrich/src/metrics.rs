//! The service's metrics. Look-ups in files are counted, cached ones are not.

use std::fmt::Display;
use std::path::Path;

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};
use schemas::EventKind;
use service::Fatal;

use crate::address::Kind;

/// A kind of look-up data. Kinds for addresses come first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Table {
    City,
    Asn,
    ConnectionType,
    Providers,
}

impl Table {
    /// Returns its name, which is also that of its setting.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Asn => "asn",
            Self::ConnectionType => "connection_type",
            Self::Providers => "providers",
        }
    }
}

/// The metrics; clones count together.
#[derive(Clone)]
pub(crate) struct Metrics {
    reports: IntCounter,
    covers: IntCounter,
    dead_letters: IntCounterVec,
    /// By [`Kind`].
    addresses: Vec<IntCounter>,
    /// By [`Table`], then by outcome: found, not found, error.
    look_ups: Vec<[IntCounter; 3]>,
    pub(crate) reload: ReloadMetrics,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// When one is registered already.
    pub(crate) fn new(registry: &Registry) -> Result<Self, Fatal> {
        Self::register(registry).map_err(Fatal::caused)
    }

    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let addresses = added(
            registry,
            IntCounterVec::new(
                Opts::new(
                    "isobar_enrich_addresses_total",
                    "Client addresses of reports, by kind; only public ones are looked up.",
                ),
                &["kind"],
            )?,
        )?;
        let look_ups = added(
            registry,
            IntCounterVec::new(
                Opts::new(
                    "isobar_enrich_look_ups_total",
                    "Addresses looked up in files, by table (city, asn, connection_type) and \
                     outcome (found, not_found, error: the file is damaged there).",
                ),
                &["table", "outcome"],
            )?,
        )?;
        Ok(Self {
            reports: added(
                registry,
                IntCounter::new("isobar_enrich_reports_total", "Reports enriched.")?,
            )?,
            covers: added(
                registry,
                IntCounter::new(
                    "isobar_enrich_covers_total",
                    "Records passed on that contain only lineage.",
                )?,
            )?,
            dead_letters: added(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        "isobar_enrich_dead_letters_total",
                        "Records dead-lettered, by reason.",
                    ),
                    &["reason"],
                )?,
            )?,
            addresses: Kind::ALL
                .iter()
                .map(|kind| addresses.with_label_values(&[kind.name()]))
                .collect(),
            look_ups: [Table::City, Table::Asn, Table::ConnectionType]
                .map(|table| {
                    ["found", "not_found", "error"]
                        .map(|outcome| look_ups.with_label_values(&[table.name(), outcome]))
                })
                .to_vec(),
            reload: ReloadMetrics::register(registry)?,
        })
    }

    /// Counts a report's address.
    pub(crate) fn address(&self, kind: Kind) {
        self.addresses[kind as usize].inc();
    }

    /// Counts an enriched record.
    pub(crate) fn enriched(&self, event: EventKind) {
        match event {
            EventKind::Cover => self.covers.inc(),
            _ => self.reports.inc(),
        }
    }

    /// Counts a dead-lettered record.
    pub(crate) fn dead_letter(&self, reason: &str) {
        self.dead_letters.with_label_values(&[reason]).inc();
    }

    /// Counts a look-up. After an error the address counts as not found, because no record waits
    /// for better data.
    pub(crate) fn look_up<T>(
        &self,
        table: Table,
        outcome: Result<Option<T>, impl Display>,
    ) -> Option<T> {
        let (counter, found) = match outcome {
            Ok(Some(found)) => (0, Some(found)),
            Ok(None) => (1, None),
            Err(error) => {
                tracing::debug!(?table, %error, "look-up failed");
                (2, None)
            }
        };
        self.look_ups[table as usize][counter].inc();
        found
    }
}

/// Metrics of the reloading of look-up data.
#[derive(Clone)]
pub(crate) struct ReloadMetrics {
    reloads: IntCounterVec,
    failures: IntCounterVec,
    stale: IntGaugeVec,
    built: IntGaugeVec,
}

impl ReloadMetrics {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            added(registry, IntCounterVec::new(Opts::new(name, help), &["table"])?)
        };
        let gauge = |name: &str, help: &str| {
            added(registry, IntGaugeVec::new(Opts::new(name, help), &["table", "file"])?)
        };
        Ok(Self {
            reloads: counter(
                "isobar_enrich_look_up_reloads_total",
                "Files of look-up data that changed and were loaded.",
            )?,
            failures: counter(
                "isobar_enrich_look_up_reload_failures_total",
                "Files of look-up data that changed or vanished and could not be loaded.",
            )?,
            stale: gauge(
                "isobar_enrich_look_up_stale",
                "1 while a file cannot be used and an older edition of it is, else 0.",
            )?,
            built: gauge(
                "isobar_enrich_look_up_build_seconds",
                "When the data in use was built, since the Unix epoch (MMDB files).",
            )?,
        })
    }

    /// Counts a changed file that was loaded.
    pub(crate) fn reloaded(&self, table: Table, path: &Path) {
        self.reloads.with_label_values(&[table.name()]).inc();
        self.settled(table, path);
    }

    /// Counts a changed file that could not be loaded.
    pub(crate) fn failed(&self, table: Table, path: &Path) {
        self.failures.with_label_values(&[table.name()]).inc();
        self.stale.with_label_values(&[table.name(), &path.to_string_lossy()]).set(1);
    }

    /// Records that the present edition of a file is in use.
    pub(crate) fn settled(&self, table: Table, path: &Path) {
        self.stale.with_label_values(&[table.name(), &path.to_string_lossy()]).set(0);
    }

    /// Records the build time of a file in use.
    pub(crate) fn built(&self, table: Table, path: &Path, build_s: Option<u64>) {
        if let Some(build_s) = build_s.and_then(|build_s| i64::try_from(build_s).ok()) {
            self.built.with_label_values(&[table.name(), &path.to_string_lossy()]).set(build_s);
        }
    }
}

/// Registers a metric, and returns it.
fn added<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> prometheus::Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
