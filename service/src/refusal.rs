//! Why a service will not read on: conditions that starting again does not mend.

/// What is in the way. Each has an exit code of its own (`docs/reference/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The address of health and metrics cannot be had.
    Address,
    /// The committed offset is not in the log any more.
    OffsetGone,
    /// An input topic is not the one that was read before.
    TopicRecreated,
    /// What is committed is of another epoch than the settings.
    Epoch,
    /// Topics differ in their number of partitions.
    Partitions,
    /// An input topic's timestamps are not append times.
    TimestampType,
    /// There is no topic for dead letters.
    NoDeadLetters,
    /// More of the input is dead-lettered than the settings allow.
    TooManyDeadLetters,
    /// What is committed beside the offset was written by another release.
    Metadata,
    /// Nothing is committed, and the log has lost its beginning.
    MidLog,
    /// The group writes to another place than this member.
    Target,
    /// A record of an own topic is of a schema that a newer release writes.
    NewerSchema,
    /// Kafka lost the end of an input topic's log after it was read.
    LostTail,
}

impl Reason {
    /// The process's exit code.
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

/// A condition under which the process ends and stays ended until somebody acts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// What kind it is of.
    pub reason: Reason,
    /// What is wrong and what to do, in one line.
    pub text: String,
}

impl Refusal {
    /// A refusal that says `text`.
    #[must_use]
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}
