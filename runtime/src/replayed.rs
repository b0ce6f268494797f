//! Dead letters that were sent again: what says so, on the record itself.

use std::fmt;
use std::str::FromStr;

use crate::record::{AppendTime, Offset, Partition};

/// Where a record that was sent again stood before it was given up. A record carries it in its
/// header [`Replayed::HEADER`], so that the log alone tells what has been sent again. Anybody can
/// write such a header: only one that is signed is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: Partition,
    /// Offset.
    pub offset: Offset,
    /// When the broker first appended it: it is judged as of then.
    pub appended: AppendTime,
    /// Other records of its session were taken around that time: what its cumulative counters
    /// count is in their intervals already.
    pub heard: bool,
}

impl Replayed {
    /// The name of the header.
    pub const HEADER: &'static str = "isobar-replayed-from";
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, offset, appended, heard } = self;
        let around = if *heard { "heard" } else { "alone" };
        write!(f, "{topic}/{partition}/{offset}/{}/{around}", appended.0)
    }
}

/// Text is not a [`Replayed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("should look like TOPIC/PARTITION/OFFSET/APPEND_MS/alone or …/heard")]
pub struct ParseReplayedError;

impl FromStr for Replayed {
    type Err = ParseReplayedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let (Some(topic), Some(partition), Some(offset), Some(appended), Some(around), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
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
        };
        assert_eq!(from.to_string(), "raw/3/17/1756000000000/heard");
        assert_eq!(from.to_string().parse(), Ok(from));
    }

    #[test]
    fn anything_else_is_no_header() {
        for text in ["", "raw/3/17/5", "raw/3/17/5/alone/", "raw/3/-1/5/alone", "raw/x/1/5/alone"] {
            assert_eq!(text.parse::<Replayed>(), Err(ParseReplayedError), "{text}");
        }
    }
}
