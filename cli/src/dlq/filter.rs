//! Selection of dead letters by their members.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::letter::Letter;

/// Conditions, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct Filter {
    /// Reason, such as too_large; may be repeated.
    #[arg(long, value_name = "REASON")]
    pub(super) reason: Vec<String>,
    /// Service that rejected them: ingest, enrich, aggregate or sink; may be repeated.
    #[arg(long, value_name = "SERVICE")]
    pub(super) stage: Vec<String>,
    /// Topic that they came from.
    #[arg(long, value_name = "TOPIC")]
    pub(super) topic: Option<String>,
    /// Partition that they came from.
    #[arg(long, value_name = "NUMBER")]
    pub(super) partition: Option<i32>,
    /// Offsets that they came from: 17 or 17-99.
    #[arg(long, value_name = "OFFSETS", value_parser = offsets)]
    pub(super) offset: Option<RangeInclusive<i64>>,
    /// Rejected at this time or later: 2026-11-22T10:00:00Z, or 90m for that long ago.
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    pub(super) since: Option<i64>,
    /// Rejected before this time.
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    pub(super) until: Option<i64>,
}

impl Filter {
    /// Returns true if there is no condition.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn keeps(&self, letter: &Letter) -> bool {
        let one_of = |wanted: &[String], is: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == is)
        };
        let source = &letter.source;
        one_of(&self.reason, &letter.reason)
            && one_of(&self.stage, &letter.stage)
            && self.topic.as_ref().is_none_or(|topic| *topic == source.topic)
            && self.partition.is_none_or(|partition| partition == source.partition)
            && self.offset.as_ref().is_none_or(|offsets| offsets.contains(&source.offset))
            && self.since.is_none_or(|since| since <= letter.given_up_ms)
            && self.until.is_none_or(|until| letter.given_up_ms < until)
    }
}

/// Error: the value of an option cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum FilterError {
    #[error("give an offset or a range of them, such as 17-99")]
    Offsets,
    #[error("give a time such as 2026-11-22T10:00:00Z, or how long ago, such as 90m")]
    Time,
    #[error("that is too long ago")]
    TooLongAgo,
}

/// Reads an offset, or a first and a last one.
fn offsets(text: &str) -> Result<RangeInclusive<i64>, FilterError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<i64>(), last.parse::<i64>()) {
        (Ok(first), Ok(last)) if (0..=last).contains(&first) => Ok(first..=last),
        _ => Err(FilterError::Offsets),
    }
}

/// Parses a time in RFC 3339 or as a duration before now (a number without a unit is in seconds).
/// Returns ms since 1970.
fn time_ms(text: &str) -> Result<i64, FilterError> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let seconds = text.parse::<f64>().ok().map(SignedDuration::try_from_secs_f64);
    let ago = seconds.unwrap_or_else(|| text.parse()).map_err(|_| FilterError::Time)?;
    let ago = Duration::try_from(ago).map_err(|_| FilterError::Time)?;
    let since_1970 = SystemTime::now().checked_sub(ago);
    let since_1970 = since_1970.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let since_1970 = since_1970.and_then(|time| i64::try_from(time.as_millis()).ok());
    since_1970.ok_or(FilterError::TooLongAgo)
}

/// Formats a time in ms since the Unix epoch for display.
pub(super) fn shown(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn all_that_is_given_must_hold() {
        let letter = letter(17, "too_large");
        assert!(Filter::default().keeps(&letter) && Filter::default().is_empty());
        let filter = Filter {
            reason: vec!["late".to_owned(), "too_large".to_owned()],
            stage: vec!["ingest".to_owned()],
            topic: Some(letter.source.topic.clone()),
            partition: Some(3),
            offset: Some(10..=17),
            since: Some(letter.given_up_ms),
            until: Some(letter.given_up_ms + 1),
        };
        assert!(filter.keeps(&letter));
        for other in [
            Filter { reason: vec!["late".to_owned()], ..filter.clone() },
            Filter { stage: vec!["sink".to_owned()], ..filter.clone() },
            Filter { topic: Some("other".to_owned()), ..filter.clone() },
            Filter { partition: Some(2), ..filter.clone() },
            Filter { offset: Some(18..=19), ..filter.clone() },
            Filter { since: Some(letter.given_up_ms + 1), ..filter.clone() },
            Filter { until: Some(letter.given_up_ms), ..filter.clone() },
        ] {
            assert!(!other.keeps(&letter), "{other:?}");
        }
    }

    #[test]
    fn times_are_read_as_such_or_as_so_long_ago() {
        assert_eq!(time_ms("1970-01-01T00:00:01Z"), Ok(1000));
        assert!(time_ms("1h").unwrap() < time_ms("1m").unwrap());
        let ago_ms = |text: &str| time_ms("0s").unwrap() - time_ms(text).unwrap();
        for (text, seconds) in [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200)] {
            assert!((ago_ms(text) - seconds * 1000).abs() < 1000, "{text}");
        }
        for text in ["yesterday", "-5s", "-5", "NaN"] {
            assert_eq!(time_ms(text), Err(FilterError::Time), "{text}");
        }
        assert_eq!(time_ms("1000000h"), Err(FilterError::TooLongAgo));
        assert_eq!(shown(1000), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn offsets_are_one_or_a_range() {
        assert_eq!(offsets("17"), Ok(17..=17));
        assert_eq!(offsets("17-99"), Ok(17..=99));
        assert!(offsets("99-17").is_err() && offsets("-1").is_err());
    }
}
