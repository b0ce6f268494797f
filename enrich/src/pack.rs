//! Threshold packs: published rules for what counts as poor, as data.

use schemas::{Interval, Kind, Verdict};
use serde::Deserialize;

use crate::measure;

/// A pack, from a JSON file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pack {
    name: String,
    version: u32,
    /// Required, so that nobody's limits come without saying whose they are.
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    media: Media,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    audio: Option<Classifier>,
    video: Option<Classifier>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Classifier {
    mode: Mode,
    /// Packets a stream needs since its start before it is judged at all.
    minimum_packets: Option<i64>,
    rules: Vec<Rule>,
}

/// How rules whose metric is known decide together.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// One that holds makes the stream poor.
    Any,
    /// The first alone decides.
    First,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    metric: Metric,
    comparison: Comparison,
    threshold: f64,
    unit: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Comparison {
    Above,
    Below,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Metric {
    RoundTrip,
    Loss,
    Jitter,
    FrameLoss,
    FrameRate,
    Concealment,
}

impl Metric {
    const fn unit(self) -> &'static str {
        match self {
            Self::RoundTrip | Self::Jitter => "ms",
            Self::Loss | Self::FrameLoss | Self::Concealment => "ratio",
            Self::FrameRate => "1/s",
        }
    }

    fn of(self, interval: &Interval) -> Option<f64> {
        match self {
            Self::RoundTrip => measure::round_trip_ms(interval),
            Self::Loss => measure::loss(interval),
            Self::Jitter => measure::jitter_ms(interval),
            Self::FrameLoss => measure::frame_loss(interval),
            Self::FrameRate => measure::frame_rate(interval),
            Self::Concealment => measure::concealment(interval),
        }
    }
}

impl Rule {
    /// Whether the interval is poor by this rule; none if it does not tell the metric.
    fn holds(&self, interval: &Interval) -> Option<bool> {
        let value = self.metric.of(interval)?;
        Some(match self.comparison {
            Comparison::Above => value > self.threshold,
            Comparison::Below => value < self.threshold,
        })
    }
}

impl Classifier {
    fn verdict(&self, interval: &Interval) -> Verdict {
        if self.minimum_packets > interval.stream_packets {
            return Verdict::Unclassified;
        }
        let mut known = self.rules.iter().filter_map(|rule| rule.holds(interval));
        let poor = match self.mode {
            Mode::First => known.next(),
            Mode::Any => known.reduce(|one, other| one || other),
        };
        match poor {
            Some(true) => Verdict::Poor,
            Some(false) => Verdict::Good,
            None => Verdict::Unclassified,
        }
    }
}

impl Pack {
    /// The pack that comes with the program.
    pub(crate) const EMBEDDED: &str = include_str!("../packs/teams-cqd.json");

    /// Reads a pack.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        let pack: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let media = [("audio", &pack.media.audio), ("video", &pack.media.video)];
        for (media, classifier) in media {
            let rules = classifier.iter().flat_map(|classifier| &classifier.rules);
            for (number, rule) in rules.enumerate() {
                let unit = rule.metric.unit();
                if rule.unit != unit {
                    return Err(format!(
                        "media.{media}.rules[{number}].unit: has to be {unit:?}, not {:?}",
                        rule.unit
                    ));
                }
            }
        }
        Ok(pack)
    }

    /// `name@version`.
    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// What the pack says of an interval; unclassified if it has no rules for its kind.
    pub(crate) fn verdict(&self, interval: &Interval) -> Verdict {
        let classifier = match interval.kind {
            Kind::Audio => self.media.audio.as_ref(),
            Kind::Video => self.media.video.as_ref(),
            Kind::None => None,
        };
        classifier.map_or(Verdict::Unclassified, |classifier| classifier.verdict(interval))
    }
}

#[cfg(test)]
mod tests;
