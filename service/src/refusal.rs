//! Refusals: conditions that a restart does not remove, under which a service does not read on.

/// Reason of a refusal. Each has its own exit code (`docs/reference/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The address of the health and metrics server cannot be bound.
    Address,
    /// The committed offset is no longer in the log.
    OffsetGone,
    /// An input topic was deleted and created again.
    TopicRecreated,
    /// The committed state has another epoch than the settings.
    Epoch,
    /// Topics differ in their number of partitions.
    Partitions,
    /// An input topic's timestamps are not append times.
    TimestampType,
    /// The topic of dead letters does not exist.
    NoDeadLetters,
    /// The share of dead letters is above the limit of the settings.
    TooManyDeadLetters,
    /// The committed metadata was written by another release.
    Metadata,
    /// Nothing is committed, and the beginning of the log has been deleted.
    MidLog,
    /// The group writes to another ClickHouse than this member.
    Target,
    /// A record of an internal topic has the schema of a newer release.
    NewerSchema,
    /// Kafka lost the end of an input topic's log after it was read.
    LostTail,
}

impl Reason {
    /// Returns the exit code of the process.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Address => 78,
            Self::OffsetGone => 80,
            Self::TopicRecreated => 81,
            Self::Epoch => 82,
            Self::Partitions => 83,
            Self::TimestampType => 84,
            Self::NoDeadLetters => 85,
            Self::TooManyDeadLetters => 86,
            Self::Metadata => 87,
            Self::MidLog => 88,
            Self::Target => 89,
            Self::NewerSchema => 91,
            Self::LostTail => 92,
        }
    }
}

/// A condition under which the process exits and must not be restarted until an operator has acted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// Description of the problem and of what to do, in one line.
    pub text: String,
}

impl Refusal {
    /// Returns a refusal for `reason` with this `text`.
    #[must_use]
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}
