//! Threshold packs: published rules for what counts as poor, as data.

mod file;

use schemas::{Direction, Interval, Kind, Verdict};
use serde::Deserialize;

use crate::score::{Metric, Readings};

/// A pack, from a JSON file.
#[derive(Debug)]
pub struct Pack {
    label: String,
    audio: Sides,
    /// Rules for video of cameras.
    video: Sides,
    screen_share: Sides,
    /// Rules for video of which the browser does not report whether it is a camera or a screen:
    /// those that decide alike for both.
    either: Sides,
    /// MIME types that only shared screens have. They are judged by the outbound rules in both
    /// directions.
    outbound_codecs: Vec<String>,
}

/// Classifiers by direction; none if the pack has no rules.
#[derive(Clone, Debug)]
struct Sides {
    inbound: Option<Classifier>,
    outbound: Option<Classifier>,
}

/// Verdict of a pack on an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// Poor, good or neither.
    pub verdict: Verdict,
    /// For poor: the metric of the rule that decided, or the class. For unclassified:
    /// [`NO_SOURCE`], [`FEW_PACKETS`], [`UNKNOWN_CONTENT`] or [`NO_METRIC`]; none if the pack has
    /// no rules for the kind.
    pub reason: Option<&'a str>,
}

/// The source gave no media (a muted microphone, a camera that is off or disabled, a still
/// picture), or fewer frames than the deciding rule requires.
pub const NO_SOURCE: &str = "no_source";
/// The stream had too few packets to be judged.
pub const FEW_PACKETS: &str = "few_packets";
/// The deciding rules of cameras and shared screens differ, and the browser does not report which
/// it is.
pub const UNKNOWN_CONTENT: &str = "unknown_content";
/// The interval has no metric that the pack needs.
pub const NO_METRIC: &str = "no_metric";

#[derive(Clone, Debug, PartialEq)]
struct Classifier {
    /// Minimum number of packets since the stream's start for it to be judged.
    minimum_packets: Option<i64>,
    judge: Judge,
}

#[derive(Clone, Debug, PartialEq)]
enum Judge {
    /// The stream is poor if any rule with a known metric is met.
    Any(Vec<Rule>),
    /// Only the first rule with a known metric decides.
    First(Vec<Rule>),
    /// The class into which a metric falls decides.
    Bands(Metric, Vec<Class>),
    /// Metrics give points, and the class of their sum decides.
    Points(Vec<Scale>, Vec<Class>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Rule {
    metric: Metric,
    comparison: Comparison,
    threshold: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Comparison {
    Above,
    Below,
}

/// Values from `from` up to the `from` of the previous class.
#[derive(Clone, Debug, PartialEq)]
struct Class {
    name: String,
    from: f64,
    verdict: Verdict,
}

/// Points of one metric.
#[derive(Clone, Debug, PartialEq)]
struct Scale {
    metric: Metric,
    /// In ascending order. A value equal to a threshold counts as above it.
    thresholds: Vec<f64>,
    /// One more than thresholds.
    points: Vec<i64>,
    /// Points if the metric is unknown; none: then there is no sum.
    missing: Option<i64>,
}

impl Rule {
    /// Returns whether the interval is poor by this rule. None if it lacks the metric, or its
    /// source gave too few frames for the rule.
    fn holds(&self, interval: &Interval, readings: &Readings) -> Option<bool> {
        let value = readings.get(self.metric).filter(|_| !self.is_beyond_source(interval))?;
        Some(match self.comparison {
            Comparison::Above => value > self.threshold,
            Comparison::Below => value < self.threshold,
        })
    }

    /// Returns whether the rule requires more frames than the source gave.
    fn is_beyond_source(&self, interval: &Interval) -> bool {
        self.metric == Metric::FrameRate
            && self.comparison == Comparison::Below
            && interval.is_source_below(self.threshold)
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
    fn judge(&self, interval: &Interval, readings: &Readings) -> Judgement<'_> {
        let by_rule =
            |rule: &Rule| rule.holds(interval, readings).map(|poor| poor.then_some(rule.metric));
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

    /// Returns the rules; empty for classifiers without rules.
    fn rules(&self) -> &[Rule] {
        match self {
            Self::Any(rules) | Self::First(rules) => rules,
            Self::Bands(..) | Self::Points(..) => &[],
        }
    }
}

impl<'a> Judgement<'a> {
    /// Returns poor for `Some(Some(metric))`, good for `Some(None)`.
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

impl Sides {
    const fn of(&self, direction: Direction) -> Option<&Classifier> {
        match direction {
            Direction::Outbound => self.outbound.as_ref(),
            Direction::Inbound | Direction::None => self.inbound.as_ref(),
        }
    }

    const fn is_empty(&self) -> bool {
        self.inbound.is_none() && self.outbound.is_none()
    }

    /// Returns the rules that decide alike by these classifiers and by others.
    fn common(&self, other: &Self) -> Self {
        let common =
            |one: Option<&Classifier>, other: Option<&Classifier>| Some(one?.common(other?));
        Self {
            inbound: common(self.inbound.as_ref(), other.inbound.as_ref()),
            outbound: common(self.outbound.as_ref(), other.outbound.as_ref()),
        }
    }
}

impl Classifier {
    /// Returns the rules that both classifiers have, perhaps none. The others cannot be applied, as
    /// if their metrics were unknown. If the first known metric decides, these are the rules up to
    /// the first difference.
    fn common(&self, other: &Self) -> Self {
        let judge = match (&self.judge, &other.judge) {
            (one, other) if one == other => one.clone(),
            (Judge::First(rules), Judge::First(others)) => {
                let alike = rules.iter().zip(others).take_while(|(one, other)| one == other);
                Judge::First(alike.map(|(rule, _)| *rule).collect())
            }
            (Judge::Any(rules), Judge::Any(others)) => {
                Judge::Any(rules.iter().filter(|rule| others.contains(rule)).copied().collect())
            }
            _ => Judge::First(Vec::new()),
        };
        let minimum_packets = self.minimum_packets.max(other.minimum_packets);
        Self { minimum_packets, judge }
    }
}

impl Pack {
    /// The packs that come with the program and are in use unless settings name others.
    pub(crate) const EMBEDDED: [(&str, &str); 5] = [
        ("comparable", include_str!("../packs/comparable.json")),
        ("teams-cqd", include_str!("../packs/teams-cqd.json")),
        ("twilio", include_str!("../packs/twilio.json")),
        ("e-model-bands", include_str!("../packs/e-model-bands.json")),
        ("aim-rtc", include_str!("../packs/aim-rtc.json")),
    ];

    /// Older versions that come with the program, by the names that settings may give.
    pub const OLDER: [(&str, &str); 1] =
        [("teams-cqd@2", include_str!("../packs/teams-cqd-2.json"))];

    /// Returns `name@version`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the verdict on an interval by its readings.
    #[must_use]
    pub fn judge(&self, interval: &Interval, readings: &Readings) -> Judgement<'_> {
        let Some(rules) = self.rules(interval) else {
            return Judgement { verdict: Verdict::Unclassified, reason: None };
        };
        if interval.is_withheld() {
            return Judgement::unclassified(NO_SOURCE);
        }
        if rules.minimum_packets > interval.stream_packets {
            return Judgement::unclassified(FEW_PACKETS);
        }
        let judgement = rules.judge.judge(interval, readings);
        // If its content were known, the stream might have been judged.
        let of_camera = self.video.of(interval.direction);
        let is_narrowed = self.content(interval) == Content::Unknown && Some(rules) != of_camera;
        if judgement.reason == Some(NO_METRIC) && is_narrowed {
            return Judgement::unclassified(UNKNOWN_CONTENT);
        }
        // If its source had given more frames, the stream would have been judged.
        let is_starved = rules.judge.rules().iter().any(|rule| rule.is_beyond_source(interval));
        if judgement.reason == Some(NO_METRIC) && is_starved {
            return Judgement::unclassified(NO_SOURCE);
        }
        judgement
    }

    /// Returns the metrics that the rules for a stream like `interval` use, in the rules' order.
    #[must_use]
    pub fn metrics(&self, interval: &Interval) -> Vec<Metric> {
        match self.rules(interval).map(|rules| &rules.judge) {
            None => Vec::new(),
            Some(Judge::Any(rules) | Judge::First(rules)) => {
                rules.iter().map(|rule| rule.metric).collect()
            }
            Some(Judge::Bands(metric, _)) => vec![*metric],
            Some(Judge::Points(scales, _)) => scales.iter().map(|scale| scale.metric).collect(),
        }
    }

    /// Returns the metrics of [`Pack::metrics`] that decide for an interval with these readings.
    #[must_use]
    pub fn deciding(&self, interval: &Interval, readings: &Readings) -> Vec<Metric> {
        let Some(Classifier { judge, .. }) = self.rules(interval) else { return Vec::new() };
        let holding = judge.rules().iter().filter(|it| it.holds(interval, readings).is_some());
        let holding = holding.map(|rule| rule.metric);
        match judge {
            Judge::First(_) => holding.take(1).collect(),
            Judge::Any(_) => holding.collect(),
            Judge::Bands(..) | Judge::Points(..) => {
                let asked = self.metrics(interval).into_iter();
                asked.filter(|metric| readings.get(*metric).is_some()).collect()
            }
        }
    }

    fn rules(&self, interval: &Interval) -> Option<&Classifier> {
        let direction = interval.direction;
        match self.content(interval) {
            Content::Sound => self.audio.of(direction),
            Content::Camera => self.video.of(direction),
            Content::Screen => self.screen_share.of(direction),
            Content::CodedScreen => self.screen_share.of(Direction::Outbound),
            Content::Unknown => self.either.of(direction),
            Content::None => None,
        }
    }

    fn content(&self, interval: &Interval) -> Content {
        match (interval.kind, interval.video.and_then(|video| video.screen_share)) {
            (Kind::Audio, _) => Content::Sound,
            (Kind::None, _) => Content::None,
            (Kind::Video, _) if self.is_coded_screen(interval) => Content::CodedScreen,
            (Kind::Video, Some(false)) => Content::Camera,
            (Kind::Video, Some(true)) => Content::Screen,
            (Kind::Video, None) => Content::Unknown,
        }
    }

    fn is_coded_screen(&self, interval: &Interval) -> bool {
        let codec = interval.codec.as_deref().unwrap_or_default();
        self.outbound_codecs.iter().any(|mime| mime.eq_ignore_ascii_case(codec))
    }
}

/// Content of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Sound,
    Camera,
    Screen,
    /// A screen according to its codec, regardless of `contentType`; judged as sent.
    CodedScreen,
    /// A camera or a screen.
    Unknown,
    /// Neither audio nor video.
    None,
}

#[cfg(test)]
mod tests;
