//! Every Kafka topic of Isobar, once: default name, writers, readers, retention.

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Raw events, as clients and importers send them.
    Raw,
    /// Canonical reports.
    Reports,
    /// Reports with place, provider, device and score.
    Enriched,
    /// Partials of cells.
    Cells,
    /// Partials of sessions.
    Sessions,
    /// Partials of sessions by hour.
    Hours,
    /// Audits of blocks.
    Blocks,
    /// Records that could not be used.
    DeadLetters,
}

impl Topic {
    /// All of them, raw first.
    pub const ALL: [Self; 8] = [
        Self::Raw,
        Self::Reports,
        Self::Enriched,
        Self::Cells,
        Self::Sessions,
        Self::Hours,
        Self::Blocks,
        Self::DeadLetters,
    ];

    /// Name unless the settings say otherwise (`[topics]`).
    #[must_use]
    pub const fn default_name(self) -> &'static str {
        match self {
            Self::Raw => "rtc-stats-raw-v1",
            Self::Reports => "rtc-reports-v1",
            Self::Enriched => "rtc-enriched-v1",
            Self::Cells => "rtc-cells-v1",
            Self::Sessions => "rtc-sessions-v1",
            Self::Hours => "rtc-hours-v1",
            Self::Blocks => "rtc-blocks-v1",
            Self::DeadLetters => "rtc-dead-letters-v1",
        }
    }

    /// Services that write it; none for a topic that clients write.
    #[must_use]
    pub const fn writers(self) -> &'static [&'static str] {
        match self {
            Self::Raw => &[],
            Self::Reports => &["ingest"],
            Self::Enriched => &["enrich"],
            Self::Cells | Self::Sessions | Self::Hours | Self::Blocks => &["aggregate"],
            Self::DeadLetters => &["ingest", "enrich", "aggregate", "sink"],
        }
    }

    /// Services that read it as an input; none for a topic that only people read.
    #[must_use]
    pub const fn readers(self) -> &'static [&'static str] {
        match self {
            Self::Raw => &["ingest"],
            Self::Reports => &["enrich"],
            Self::Enriched => &["aggregate", "sink"],
            Self::Cells | Self::Sessions | Self::Hours | Self::Blocks => &["sink"],
            Self::DeadLetters => &[],
        }
    }

    /// Hours for which records are kept. Topics that hold client addresses are short; partials stay for
    /// a week, to be read again after a loss of ClickHouse.
    #[must_use]
    pub const fn retention_hours(self) -> i64 {
        match self {
            Self::Raw | Self::Reports | Self::DeadLetters => 24,
            Self::Enriched => 72,
            Self::Cells | Self::Sessions | Self::Hours | Self::Blocks => 168,
        }
    }

    /// Bytes of the largest record. A dead letter holds a whole raw record and more.
    #[must_use]
    pub const fn max_message_bytes(self) -> i64 {
        match self {
            Self::DeadLetters => 4 << 20,
            _ => 2 << 20,
        }
    }
}
