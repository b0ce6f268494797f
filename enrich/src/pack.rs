//! Threshold packs: published rules for what counts as poor, as data.

mod file;

use schemas::{Interval, Kind, Verdict};
use serde::Deserialize;

use crate::score::{Metric, Readings};

/// A pack, from a JSON file.
#[derive(Debug)]
pub struct Pack {
    label: String,
    audio: Option<Classifier>,
    video: Option<Classifier>,
    /// Of video whose contentType is screenshare, in place of `video`.
    screen_share: Option<Classifier>,
}

/// What a pack says of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// Poor, good or neither.
    pub verdict: Verdict,
    /// Of poor: the metric of the rule, or the class, that decided. Of unclassified:
    /// [`FEW_PACKETS`] or [`NO_METRIC`], and none if the pack has no rules for the kind.
    pub reason: Option<&'a str>,
}

/// The stream had too few packets to be judged.
pub const FEW_PACKETS: &str = "few_packets";
/// The interval tells no metric that the pack needs.
pub const NO_METRIC: &str = "no_metric";

#[derive(Debug)]
struct Classifier {
    /// Packets a stream needs since its start before it is judged at all.
    minimum_packets: Option<i64>,
    judge: Judge,
}

#[derive(Debug)]
enum Judge {
    /// One rule that holds, of those whose metric is known, makes the stream poor.
    Any(Vec<Rule>),
    /// The first rule whose metric is known decides alone.
    First(Vec<Rule>),
    /// The class into which a metric falls decides.
    Bands(Metric, Vec<Class>),
    /// Metrics give points, and the class into which their sum falls decides.
    Points(Vec<Scale>, Vec<Class>),
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    metric: Metric,
    comparison: Comparison,
    threshold: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Comparison {
    Above,
    Below,
}

/// Values from `from` on, up to the class before.
#[derive(Debug)]
struct Class {
    name: String,
    from: f64,
    verdict: Verdict,
}

/// Points of one metric.
#[derive(Debug)]
struct Scale {
    metric: Metric,
    /// Rising; a value at a threshold is past it.
    thresholds: Vec<f64>,
    /// One more than thresholds.
    points: Vec<i64>,
    /// Points where the metric is not known; none: then there is no sum.
    missing: Option<i64>,
}

impl Rule {
    /// Whether the interval is poor by this rule; none if it does not tell the metric.
    fn holds(&self, readings: &Readings) -> Option<bool> {
        let value = readings.get(self.metric)?;
        Some(match self.comparison {
            Comparison::Above => value > self.threshold,
            Comparison::Below => value < self.threshold,
        })
    }
}

impl Scale {
    fn points(&self, readings: &Readings) -> Option<i64> {
        readings.get(self.metric).map_or(self.missing, |value| {
            let passed = self.thresholds.partition_point(|threshold| *threshold <= value);
            Some(self.points[passed])
        })
    }
}

impl Judge {
    fn judge(&self, readings: &Readings) -> Judgement<'_> {
        let by_rule = |rule: &Rule| rule.holds(readings).map(|poor| poor.then_some(rule.metric));
        match self {
            Self::Any(rules) => {
                let known = rules.iter().filter_map(by_rule);
                Judgement::by_metric(known.reduce(|one, other| one.or(other)))
            }
            Self::First(rules) => Judgement::by_metric(rules.iter().find_map(by_rule)),
            Self::Bands(metric, classes) => Judgement::by_class(readings.get(*metric), classes),
            Self::Points(scales, classes) => {
                let sum = scales.iter().map(|scale| scale.points(readings)).sum::<Option<i64>>();
                Judgement::by_class(sum.map(|sum| sum as f64), classes)
            }
        }
    }
}

impl<'a> Judgement<'a> {
    /// Poor by `Some(Some(metric))`, good by `Some(None)`.
    fn by_metric(poor: Option<Option<Metric>>) -> Self {
        match poor {
            Some(Some(metric)) => Self { verdict: Verdict::Poor, reason: Some(metric.name()) },
            Some(None) => Self { verdict: Verdict::Good, reason: None },
            None => Self::unclassified(NO_METRIC),
        }
    }

    fn by_class(value: Option<f64>, classes: &'a [Class]) -> Self {
        let class = value.and_then(|value| classes.iter().find(|class| value >= class.from));
        class.map_or(Self::unclassified(NO_METRIC), |class| Self {
            verdict: class.verdict,
            reason: (class.verdict != Verdict::Good).then_some(class.name.as_str()),
        })
    }

    const fn unclassified(reason: &'a str) -> Self {
        Self { verdict: Verdict::Unclassified, reason: Some(reason) }
    }
}

impl Pack {
    /// The packs that come with the program, by name: those in use unless settings name others.
    pub(crate) const EMBEDDED: [(&str, &str); 4] = [
        ("teams-cqd", include_str!("../packs/teams-cqd.json")),
        ("twilio", include_str!("../packs/twilio.json")),
        ("e-model-bands", include_str!("../packs/e-model-bands.json")),
        ("aim-rtc", include_str!("../packs/aim-rtc.json")),
    ];

    /// `name@version`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What the pack says of an interval with these readings.
    #[must_use]
    pub fn judge(&self, interval: &Interval, readings: &Readings) -> Judgement<'_> {
        match self.classifier(interval) {
            None => Judgement { verdict: Verdict::Unclassified, reason: None },
            Some(classifier) if classifier.minimum_packets > interval.stream_packets => {
                Judgement::unclassified(FEW_PACKETS)
            }
            Some(classifier) => classifier.judge.judge(readings),
        }
    }

    fn classifier(&self, interval: &Interval) -> Option<&Classifier> {
        match interval.kind {
            Kind::Audio => self.audio.as_ref(),
            Kind::Video if interval.video.and_then(|video| video.screen_share) == Some(true) => {
                self.screen_share.as_ref().or(self.video.as_ref())
            }
            Kind::Video => self.video.as_ref(),
            Kind::None => None,
        }
    }
}

#[cfg(test)]
mod tests;
