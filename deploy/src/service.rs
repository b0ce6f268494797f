//! The four services by name.

/// A service, in the order in which records pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Raw events to reports.
    Ingest,
    /// Reports to enriched reports.
    Enrich,
    /// Enriched reports to partials.
    Aggregate,
    /// Enriched reports and partials to ClickHouse.
    Sink,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Enrich, Self::Aggregate, Self::Sink];

    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Enrich => "enrich",
            Self::Aggregate => "aggregate",
            Self::Sink => "sink",
        }
    }
}
