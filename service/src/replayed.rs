//! The header that marks a record as a replayed dead letter.

use std::fmt;
use std::str::FromStr;

use crate::record::{AppendTime, Offset, Partition};

/// Original position of a replayed record. It is in the record's header [`Replayed::HEADER`], so that
/// replays can be recognised from the log alone. Any producer can write such a header; only a signed
/// one is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: Partition,
    /// Offset.
    pub offset: Offset,
    /// Time of the first append, which decides whether the record is late.
    pub appended: AppendTime,
    /// True if other records of its session were accepted around that time: their intervals already
    /// include the counters of this record.
    pub heard: bool,
    /// Time of the signature by the sender's clock, ms since the Unix epoch.
    pub sent_ms: i64,
}

impl Replayed {
    /// The name of the header.
    pub const HEADER: &'static str = "isobar-replayed-from";
    /// Maximum difference between signature and append, ms: the sender waits 20 s for an
    /// acknowledgement, and the rest allows for clock differences. Accepted copies of one signature are
    /// appended within twice this time, which is no longer than the shortest look-back of ingest that
    /// permits replays (60 s); within a look-back ingest accepts each source once.
    pub const FRESH_MS: u64 = 30_000;

    /// Returns true if a record with this append time may be the signed one and not a later copy.
    #[must_use]
    pub const fn is_fresh(&self, appended: AppendTime) -> bool {
        self.sent_ms.abs_diff(appended.0) <= Self::FRESH_MS
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, offset, appended, heard, sent_ms } = self;
        let around = if *heard { "heard" } else { "alone" };
        write!(f, "{topic}/{partition}/{offset}/{}/{around}/{sent_ms}", appended.0)
    }
}

/// Error of a header that is not a [`Replayed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("should look like TOPIC/PARTITION/OFFSET/APPEND_MS/alone/SENT_MS or …/heard/SENT_MS")]
pub struct ParseReplayedError;

impl FromStr for Replayed {
    type Err = ParseReplayedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<_> = text.split('/').collect();
        let [topic, partition, offset, appended, around, sent] = parts[..] else {
            return Err(ParseReplayedError);
        };
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        Ok(Self {
            topic: topic.to_owned(),
            partition: Partition(partition.parse().map_err(|_| ParseReplayedError)?),
            offset: Offset(number(offset).ok_or(ParseReplayedError)?),
            appended: AppendTime(number(appended).ok_or(ParseReplayedError)?),
            heard: match around {
                "heard" => true,
                "alone" => false,
                _ => return Err(ParseReplayedError),
            },
            sent_ms: number(sent).ok_or(ParseReplayedError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_header_reads_as_it_was_written() {
        let from = Replayed {
            topic: "raw".to_owned(),
            partition: Partition(3),
            offset: Offset(17),
            appended: AppendTime(1_756_000_000_000),
            heard: true,
            sent_ms: 1_756_000_100_000,
        };
        assert_eq!(from.to_string(), "raw/3/17/1756000000000/heard/1756000100000");
        assert_eq!(from.to_string().parse(), Ok(from));
    }

    #[test]
    fn anything_else_is_no_header() {
        for text in [
            "",
            "raw/3/17/5",
            "raw/3/17/5/alone",
            "raw/3/17/5/alone/",
            "raw/3/17/5/alone/6/",
            "raw/3/17/5/alone/-6",
            "raw/3/-1/5/alone/6",
            "raw/x/1/5/alone/6",
        ] {
            assert_eq!(text.parse::<Replayed>(), Err(ParseReplayedError), "{text}");
        }
    }

    #[test]
    fn a_record_is_fresh_for_half_a_minute_around_its_signature() {
        let from: Replayed = "raw/3/17/5/alone/1756000100000".parse().unwrap();
        let fresh = |appended_ms| from.is_fresh(AppendTime(appended_ms));
        let around = [69_999, 70_000, 100_000, 130_000, 130_001];
        assert_eq!(
            around.map(|ms| fresh(1_756_000_000_000 + ms)),
            [false, true, true, true, false]
        );
        assert!(!fresh(i64::MIN) && !fresh(i64::MAX));
    }
}
