//! The JSON file of a pack.

use schemas::Verdict;
use serde::Deserialize;

use super::{Class, Classifier, Comparison, Judge, Pack, Rule, Scale, Sides};
use crate::error::ParameterError;
use crate::file;
use crate::score::Metric;

/// Maximum length of a name, which becomes part of every row.
const LONGEST_NAME: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackFile {
    name: String,
    version: u32,
    /// Source of the limits. Required, so that every pack names it.
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    #[serde(default, rename = "notes")]
    _notes: Vec<String>,
    media: Media,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    audio: Option<ClassifierFile>,
    /// Rules for sent audio, in place of `audio`; and so on.
    audio_outbound: Option<ClassifierFile>,
    video: Option<ClassifierFile>,
    video_outbound: Option<ClassifierFile>,
    screen_share: Option<ClassifierFile>,
    screen_share_outbound: Option<ClassifierFile>,
    /// MIME types that only shared screens have. They count as outbound in both directions.
    #[serde(default)]
    screen_share_outbound_codecs: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Any,
    First,
    Bands,
    Points,
}

/// The required members depend on the mode.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassifierFile {
    mode: Mode,
    minimum_packets: Option<i64>,
    rules: Option<Vec<RuleFile>>,
    metric: Option<Metric>,
    unit: Option<String>,
    points: Option<Vec<ScaleFile>>,
    classes: Option<Vec<ClassFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    metric: Metric,
    comparison: Comparison,
    threshold: f64,
    unit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaleFile {
    metric: Metric,
    unit: String,
    thresholds: Vec<f64>,
    points: Vec<i64>,
    missing: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    class: String,
    from: Option<f64>,
    verdict: Verdict,
}

impl Pack {
    /// Reads a pack.
    ///
    /// # Errors
    /// All errors, with their positions.
    pub fn parse(json: &str) -> Result<Self, ParameterError> {
        let file: PackFile = file::read(json)?;
        let mut problems = Problems::default();
        problems.name("name", &file.name);
        let media = file.media;
        let audio = problems.sides("audio", media.audio, media.audio_outbound);
        let video = problems.sides("video", media.video, media.video_outbound);
        let own = problems.sides("screen_share", media.screen_share, media.screen_share_outbound);
        if [&audio, &video, &own].iter().all(|sides| sides.is_empty()) {
            problems.push("media", "has to have one of audio, video, screen_share");
        }
        // Without separate rules a shared screen is judged as any video.
        let screen_share = Sides {
            inbound: own.inbound.or_else(|| video.inbound.clone()),
            outbound: own.outbound.or_else(|| video.outbound.clone()),
        };
        let pack = Self {
            label: file::label(&file.name, file.version),
            either: video.common(&screen_share),
            audio,
            video,
            screen_share,
            outbound_codecs: media.screen_share_outbound_codecs,
        };
        file::sound(pack, problems.0)
    }
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn push(&mut self, place: &str, problem: &str) {
        self.0.push(format!("{place}: {problem}"));
    }

    fn name(&mut self, place: &str, name: &str) {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(fits) {
            self.push(place, "has to be 1 to 64 letters, digits, '-', '_' or '.'");
        }
    }

    fn unit(&mut self, place: &str, metric: Metric, unit: &str) {
        if unit != metric.unit() {
            let problem = format!("has to be {:?}, not {unit:?}", metric.unit());
            self.push(&format!("{place}.unit"), &problem);
        }
    }

    /// Returns the rules for both directions, or separate ones for received and sent streams.
    fn sides(
        &mut self,
        medium: &str,
        of_all: Option<ClassifierFile>,
        of_sent: Option<ClassifierFile>,
    ) -> Sides {
        let inbound = of_all.map(|it| self.classifier(&format!("media.{medium}"), it));
        let place = format!("media.{medium}_outbound");
        let outbound = of_sent.map(|it| self.classifier(&place, it));
        Sides { outbound: outbound.or_else(|| inbound.clone()), inbound }
    }

    fn classifier(&mut self, place: &str, file: ClassifierFile) -> Classifier {
        let wanted: &[&str] = match file.mode {
            Mode::Any | Mode::First => &["rules"],
            Mode::Bands => &["metric", "unit", "classes"],
            Mode::Points => &["points", "classes"],
        };
        for (member, is_there) in [
            ("rules", file.rules.is_some()),
            ("metric", file.metric.is_some()),
            ("unit", file.unit.is_some()),
            ("points", file.points.is_some()),
            ("classes", file.classes.is_some()),
        ] {
            match (wanted.contains(&member), is_there) {
                (true, false) => self.push(place, &format!("its mode needs {member}")),
                (false, true) => self.push(place, &format!("its mode has no {member}")),
                _ => {}
            }
        }
        let rules = self.rules(place, file.rules.unwrap_or_default(), wanted);
        let scales = self.scales(place, file.points.unwrap_or_default(), wanted);
        let classes = self.classes(place, file.classes.unwrap_or_default(), wanted);
        // A missing metric is a problem, and then there is no pack.
        let metric = file.metric.unwrap_or(Metric::Loss);
        if let (Mode::Bands, Some(unit)) = (file.mode, &file.unit) {
            self.unit(place, metric, unit);
        }
        let judge = match file.mode {
            Mode::Any => Judge::Any(rules),
            Mode::First => Judge::First(rules),
            Mode::Bands => Judge::Bands(metric, classes),
            Mode::Points => Judge::Points(scales, classes),
        };
        Classifier { minimum_packets: file.minimum_packets, judge }
    }

    /// Reports an empty list, which could not decide anything.
    fn needs_some(&mut self, place: &str, member: &str, empty: bool, wanted: &[&str]) {
        if empty && wanted.contains(&member) {
            self.push(&format!("{place}.{member}"), "has to have at least one entry");
        }
    }

    fn rules(&mut self, place: &str, rules: Vec<RuleFile>, wanted: &[&str]) -> Vec<Rule> {
        self.needs_some(place, "rules", rules.is_empty(), wanted);
        let rules = rules.into_iter().enumerate().map(|(number, rule)| {
            self.unit(&format!("{place}.rules[{number}]"), rule.metric, &rule.unit);
            Rule { metric: rule.metric, comparison: rule.comparison, threshold: rule.threshold }
        });
        rules.collect()
    }

    fn scales(&mut self, place: &str, scales: Vec<ScaleFile>, wanted: &[&str]) -> Vec<Scale> {
        self.needs_some(place, "points", scales.is_empty(), wanted);
        let scales = scales.into_iter().enumerate().map(|(number, scale)| {
            let place = format!("{place}.points[{number}]");
            self.unit(&place, scale.metric, &scale.unit);
            if !scale.thresholds.is_sorted_by(|one, next| one < next) {
                self.push(&format!("{place}.thresholds"), "have to rise");
            }
            if scale.points.len() != scale.thresholds.len() + 1 {
                self.push(&format!("{place}.points"), "has to have one more than thresholds");
            }
            // Larger numbers could overflow when added.
            if scale.points.iter().chain(&scale.missing).any(|points| points.abs() > 1_000_000) {
                self.push(&format!("{place}.points"), "have to be within a million");
            }
            let ScaleFile { metric, thresholds, points, missing, .. } = scale;
            Scale { metric, thresholds, points, missing }
        });
        scales.collect()
    }

    fn classes(&mut self, place: &str, classes: Vec<ClassFile>, wanted: &[&str]) -> Vec<Class> {
        self.needs_some(place, "classes", classes.is_empty(), wanted);
        let last = classes.len().saturating_sub(1);
        let mut above = f64::INFINITY;
        let classes = classes.into_iter().enumerate().map(|(number, class)| {
            let place = format!("{place}.classes[{number}]");
            self.name(&format!("{place}.class"), &class.class);
            if class.from.is_none() != (number == last) {
                self.push(&place, "all but the last class, which has what is left, need a from");
            }
            let from = class.from.unwrap_or(f64::NEG_INFINITY);
            if from >= above {
                self.push(&format!("{place}.from"), "has to be less than the class's before");
            }
            above = from;
            Class { name: class.class, from, verdict: class.verdict }
        });
        classes.collect()
    }
}
