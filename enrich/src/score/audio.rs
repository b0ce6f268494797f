//! The audio score: the E-model (ITU-T G.107) with parameters from a JSON file.

use std::collections::BTreeMap;

use schemas::{Interval, Kind, Path};
use serde::Deserialize;

use crate::e_model;
use crate::error::ParameterError;
use crate::file;
use crate::measure;

/// Impairments by the one-way delay from mouth to ear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Delay {
    /// Id of G.107 (7-20): talker echo, listener echo and delay itself, Idte + Idle + Idd.
    G107,
    /// Idd of G.107 (7-27, 7-28) alone: a call without audible echo.
    G107WithoutEcho,
    /// Two straight lines (Cole and Rosenbluth, 2001), also without echo.
    Simplified,
}

impl Delay {
    /// Returns R without loss at a one-way delay of `ms`.
    fn rating(self, ms: f64, echo: Echo) -> f64 {
        match self {
            Self::G107 => e_model::rating_with_echo(ms, echo.telr_db, echo.wepl_db),
            Self::G107WithoutEcho => e_model::BEST - e_model::delay_impairment(ms),
            Self::Simplified => e_model::BEST - e_model::simplified_delay_impairment(ms),
        }
    }
}

/// Loudness of the echo, for `"delay": "g107"`. `getStats()` does not report audible echo, so it is
/// the same for every interval.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Echo {
    /// Talker echo loudness rating, dB.
    telr_db: f64,
    /// Weighted echo path loss, dB.
    wepl_db: f64,
}

impl Default for Echo {
    fn default() -> Self {
        Self { telr_db: e_model::TELR_DB, wepl_db: e_model::WEPL_DB }
    }
}

impl Echo {
    /// Returns whether the values are within the ranges of G.107, Table 3.
    fn is_sound(self) -> bool {
        (5.0..=65.0).contains(&self.telr_db) && (5.0..=110.0).contains(&self.wepl_db)
    }
}

/// An Ie that decreases with the bit rate: `intercept` − `per_ln` · ln(bit/s), limited to `min` and
/// `max`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByBitRate {
    intercept: f64,
    per_ln: f64,
    min: f64,
    max: f64,
    /// Value for an unknown bit rate.
    unknown: f64,
}

impl ByBitRate {
    fn ie(self, bit_rate: Option<f64>) -> f64 {
        bit_rate.filter(|rate| *rate > 0.0).map_or(self.unknown, |rate| {
            (self.intercept - self.per_ln * rate.ln()).clamp(self.min, self.max)
        })
    }

    fn is_sound(self) -> bool {
        let within = |ie: f64| (0.0..=95.0).contains(&ie);
        within(self.min) && within(self.max) && within(self.unknown) && self.min <= self.max
    }
}

/// A codec's parameters (ITU-T G.113).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Codec {
    /// Equipment impairment Ie, 0 to 95.
    ie: Option<f64>,
    /// Ie by bit rate, instead of `ie`.
    ie_by_bit_rate: Option<ByBitRate>,
    /// Packet-loss robustness Bpl.
    bpl: f64,
    /// Bpl if the interval has packets of forward error correction.
    bpl_fec: Option<f64>,
    /// Delay of packetisation and look-ahead, ms.
    delay_ms: f64,
    #[serde(rename = "source")]
    _source: Option<String>,
}

impl Codec {
    fn ie(&self, interval: &Interval) -> f64 {
        match self.ie_by_bit_rate {
            Some(by_bit_rate) => by_bit_rate.ie(measure::bit_rate(interval)),
            None => self.ie.unwrap_or_default(),
        }
    }

    fn bpl(&self, interval: &Interval) -> f64 {
        let fec = interval.inbound.and_then(|inbound| inbound.fec_packets);
        self.bpl_fec.filter(|_| fec > Some(0)).unwrap_or(self.bpl)
    }

    fn complaint(&self) -> Option<&'static str> {
        let above_0 = |bpl: f64| bpl > 0.0;
        if self.ie.is_some() == self.ie_by_bit_rate.is_some() {
            return Some("needs either ie or ie_by_bit_rate");
        }
        if !self.ie.is_none_or(|ie| (0.0..=95.0).contains(&ie)) {
            return Some("ie has to be in 0..=95");
        }
        if !self.ie_by_bit_rate.is_none_or(ByBitRate::is_sound) {
            return Some(
                "ie_by_bit_rate: min, max and unknown have to be in 0..=95, in this order",
            );
        }
        if !(above_0(self.bpl) && self.bpl_fec.is_none_or(above_0) && self.delay_ms >= 0.0) {
            return Some("bpl and bpl_fec have to be above 0, delay_ms 0 or more");
        }
        None
    }
}

/// The audio score and its parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioScore {
    name: String,
    version: u32,
    /// Sources of the values. Required, so that every parameter has a source.
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    #[serde(default, rename = "notes")]
    _notes: Vec<String>,
    delay: Delay,
    #[serde(default)]
    echo: Echo,
    /// BurstR. No browser reports the distribution of losses, so it is the same for every interval.
    #[serde(default = "one")]
    burst_ratio: f64,
    default_codec: String,
    codecs: BTreeMap<String, Codec>,
    /// Codec of a MIME type that is not the codec's own name.
    #[serde(default)]
    mime_types: BTreeMap<String, String>,
}

const fn one() -> f64 {
    1.0
}

impl AudioScore {
    /// The parameters that come with the program.
    pub(crate) const EMBEDDED: &str = include_str!("../../packs/e-model.json");

    /// Reads the parameters.
    ///
    /// # Errors
    /// The errors with their positions in the parameters.
    pub fn parse(json: &str) -> Result<Self, ParameterError> {
        let score: Self = file::read(json)?;
        let mut problems = Vec::new();
        let names = std::iter::once(("default_codec", &score.default_codec));
        let mapped = score.mime_types.iter().map(|(mime, codec)| (mime.as_str(), codec));
        for (place, codec) in names.chain(mapped) {
            if !score.codecs.contains_key(codec) {
                problems.push(format!("{place}: codecs has no {codec:?}"));
            }
        }
        for (name, codec) in &score.codecs {
            let complaint =
                codec.complaint().map(|complaint| format!("codecs.{name}: {complaint}"));
            problems.extend(complaint);
        }
        if score.burst_ratio < 1.0 {
            problems.push("burst_ratio: has to be 1 or more".to_owned());
        }
        if !score.echo.is_sound() {
            problems.push("echo: telr_db has to be in 5..=65, wepl_db in 5..=110".to_owned());
        }
        file::sound(score, problems)
    }

    /// `name@version`.
    #[must_use]
    pub fn label(&self) -> String {
        file::label(&self.name, self.version)
    }

    /// Returns the rating R of an interval. None if it is not of audio, if its source gave no
    /// sound, or if loss or round trip are unknown. The round trip of the report's `path` is used
    /// if RTCP reported none.
    #[must_use]
    pub fn rating(&self, interval: &Interval, path: Option<&Path>) -> Option<f64> {
        if interval.kind != Kind::Audio || interval.is_withheld() {
            return None;
        }
        let loss = measure::loss(interval)?;
        let round_trip_ms = measure::latency_ms(interval, path)?;
        let jitter_buffer_ms = measure::jitter_buffer_ms(interval)
            .or_else(|| Some(2.0 * measure::jitter_ms(interval)?))
            .unwrap_or(0.0);
        let codec = self.codec(interval.codec.as_deref());
        let delay_ms = round_trip_ms / 2.0 + jitter_buffer_ms + codec.delay_ms;
        let (ie, bpl) = (codec.ie(interval), codec.bpl(interval));
        let loss = e_model::burst_loss_impairment(ie, bpl, 100.0 * loss, self.burst_ratio);
        Some(self.delay.rating(delay_ms, self.echo) - loss)
    }

    fn codec(&self, mime: Option<&str>) -> &Codec {
        let named = mime.and_then(|mime| {
            let own = named(&self.codecs, mime);
            own.or_else(|| self.codecs.get(named(&self.mime_types, mime)?))
        });
        named.unwrap_or_else(|| &self.codecs[&self.default_codec])
    }
}

/// Returns the table entry of a MIME type, ignoring case.
pub(super) fn named<'a, T>(table: &'a BTreeMap<String, T>, mime: &str) -> Option<&'a T> {
    let (_, found) = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(mime))?;
    Some(found)
}

#[cfg(test)]
mod tests;
