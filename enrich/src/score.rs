//! Audio MOS after the E-model (ITU-T G.107): a rating R between 0 and 100 from delay and loss,
//! mapped to a mean opinion score. The parameters of the codecs are data.

use std::collections::BTreeMap;

use schemas::{Interval, Kind, Path};
use serde::Deserialize;

use crate::measure;

/// R of a call without impairments (G.107, default values).
const R_BEST: f64 = 93.2;

/// MOS of a rating (G.107 Annex B), 1 to 4.5. Between R = 0 and 6.5 the polynomial dips under 1.
pub(crate) fn mos(r: f64) -> f64 {
    let r = r.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)).clamp(1.0, 4.5)
}

/// Impairment by random packet loss, Ie,eff (G.107 7-29 with BurstR 1); `loss_percent` 0 to 100.
pub(crate) fn loss_impairment(codec: &Codec, loss_percent: f64) -> f64 {
    codec.ie + (95.0 - codec.ie) * loss_percent / (loss_percent + codec.bpl)
}

/// How the one-way delay from mouth to ear becomes an impairment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Delay {
    /// Idd of G.107, 7-27 and 7-28.
    G107,
    /// Two straight lines (Cole and Rosenbluth, 2001).
    Simplified,
}

impl Delay {
    /// Impairment of a one-way delay of `ms`.
    pub(crate) fn impairment(self, ms: f64) -> f64 {
        match self {
            Self::G107 if ms <= 100.0 => 0.0,
            Self::G107 => {
                let x = (ms / 100.0).log2();
                let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
                25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
            }
            Self::Simplified => 0.024 * ms + 0.11 * (ms - 177.3).max(0.0),
        }
    }
}

/// A codec's parameters (G.113).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codec {
    /// Equipment impairment Ie, 0 to 95.
    pub(crate) ie: f64,
    /// Packet-loss robustness Bpl.
    pub(crate) bpl: f64,
    /// Delay of packetisation and look-ahead, ms.
    pub(crate) delay_ms: f64,
}

/// The parameters of the score, from a JSON file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EModel {
    name: String,
    version: u32,
    /// Required, so that no number comes without saying whose it is.
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    delay: Delay,
    default_codec: String,
    codecs: BTreeMap<String, Codec>,
}

impl EModel {
    /// The parameters that come with the program.
    pub(crate) const EMBEDDED: &str = include_str!("../packs/e-model.json");

    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them, and where.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        let model: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if !model.codecs.contains_key(&model.default_codec) {
            return Err(format!("default_codec: codecs has no {:?}", model.default_codec));
        }
        for (name, codec) in &model.codecs {
            if !((0.0..=95.0).contains(&codec.ie) && codec.bpl > 0.0 && codec.delay_ms >= 0.0) {
                return Err(format!(
                    "codecs.{name}: ie has to be in 0..=95, bpl above 0 and delay_ms 0 or more"
                ));
            }
        }
        Ok(model)
    }

    /// `name@version`.
    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// MOS of an interval in thousandths; none if it is not of audio, or without a loss and a round
    /// trip. The report's `path` stands in for a round trip that RTCP did not tell.
    pub(crate) fn audio_mos_milli(&self, interval: &Interval, path: Option<&Path>) -> Option<i32> {
        if interval.kind != Kind::Audio {
            return None;
        }
        let loss = measure::loss(interval)?;
        let round_trip_ms =
            measure::round_trip_ms(interval).or_else(|| measure::ice_round_trip_ms(path?))?;
        let jitter_buffer_ms = measure::jitter_buffer_ms(interval)
            .or_else(|| Some(2.0 * measure::jitter_ms(interval)?))
            .unwrap_or(0.0);
        let codec = self.codec(interval.codec.as_deref());
        let delay_ms = round_trip_ms / 2.0 + jitter_buffer_ms + codec.delay_ms;
        let r = R_BEST - self.delay.impairment(delay_ms) - loss_impairment(codec, 100.0 * loss);
        Some((mos(r) * 1000.0).round() as i32)
    }

    fn codec(&self, mime: Option<&str>) -> &Codec {
        mime.and_then(|mime| {
            let (_, codec) =
                self.codecs.iter().find(|(name, _)| name.eq_ignore_ascii_case(mime))?;
            Some(codec)
        })
        .unwrap_or_else(|| &self.codecs[&self.default_codec])
    }
}

#[cfg(test)]
mod tests;
