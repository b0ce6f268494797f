//! The video score: a function of bits per pixel, codec, frame rate, freezes and delay, with
//! parameters from a JSON file.

use std::collections::BTreeMap;

use schemas::{Interval, Kind, Path};
use serde::Deserialize;

use super::audio::named;
use crate::error::ParameterError;
use crate::file;
use crate::measure;

/// Properties of a period of video.
#[derive(Clone, Copy, Debug)]
pub struct Footage<'a> {
    /// mimeType of the codec.
    pub codec: Option<&'a str>,
    /// True for a shared screen, for which fewer frames are expected.
    pub screen_share: bool,
    /// Bits per second.
    pub bit_rate: f64,
    /// Pixels of a frame, width · height.
    pub pixels: f64,
    /// Frames per second.
    pub frame_rate: f64,
    /// One-way delay, ms.
    pub delay_ms: f64,
    /// Share of the time for which the picture was frozen, 0 to 1.
    pub frozen: f64,
}

/// The video score and its parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoScore {
    name: String,
    version: u32,
    /// Sources of the values. Required, so that every parameter has a source.
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    #[serde(default, rename = "notes")]
    _notes: Vec<String>,
    /// MOS for one bit per pixel and frame.
    one_bit_per_pixel: f64,
    /// MOS gained by the logarithm of bits per pixel and frame.
    per_ln_bits_per_pixel: f64,
    /// Frames per second expected of a camera.
    expected_frame_rate: f64,
    /// Frames per second expected of a shared screen.
    expected_frame_rate_of_screen_share: f64,
    /// MOS lost by the logarithm of the ratio of expected to actual frame rate.
    per_ln_missing_frames: f64,
    /// MOS lost per millisecond of delay.
    per_ms_of_delay: f64,
    /// Share of the MOS above 1 that a permanently frozen picture loses, 0 to 1.
    frozen_weight: f64,
    /// Bits of H.264 or VP8 that are equivalent to one bit of the codec, by MIME type.
    codec_factors: BTreeMap<String, f64>,
    /// The same for other codecs.
    default_codec_factor: f64,
}

impl VideoScore {
    /// The parameters that come with the program.
    pub(crate) const EMBEDDED: &str = include_str!("../../packs/rtcscore-video.json");

    /// Reads the parameters.
    ///
    /// # Errors
    /// The errors with their positions in the parameters.
    pub fn parse(json: &str) -> Result<Self, ParameterError> {
        let score: Self = file::read(json)?;
        let mut problems = Vec::new();
        let factors = score.codec_factors.iter();
        let factors = factors.map(|(mime, factor)| (format!("codec_factors.{mime}"), *factor));
        let named = [
            ("default_codec_factor", score.default_codec_factor),
            ("expected_frame_rate", score.expected_frame_rate),
            ("expected_frame_rate_of_screen_share", score.expected_frame_rate_of_screen_share),
        ];
        let named = named.into_iter().map(|(place, value)| (place.to_owned(), value));
        for (place, value) in factors.chain(named) {
            if value <= 0.0 {
                problems.push(format!("{place}: has to be above 0"));
            }
        }
        for (place, value) in [
            ("per_ln_bits_per_pixel", score.per_ln_bits_per_pixel),
            ("per_ms_of_delay", score.per_ms_of_delay),
        ] {
            if value < 0.0 {
                problems.push(format!("{place}: has to be 0 or more"));
            }
        }
        // Otherwise a lower frame rate, which leaves more bits to each frame, would score better.
        if score.per_ln_missing_frames < score.per_ln_bits_per_pixel {
            problems.push("per_ln_missing_frames: has to be at least per_ln_bits_per_pixel".into());
        }
        if !(0.0..=1.0).contains(&score.frozen_weight) {
            problems.push("frozen_weight: has to be in 0..=1".into());
        }
        file::sound(score, problems)
    }

    /// `name@version`.
    #[must_use]
    pub fn label(&self) -> String {
        file::label(&self.name, self.version)
    }

    /// Returns the MOS of a period of video, 1 to 5. Frames beyond the expected number do not
    /// improve it.
    #[must_use]
    pub fn mos(&self, footage: &Footage<'_>) -> f64 {
        let expected = if footage.screen_share {
            self.expected_frame_rate_of_screen_share
        } else {
            self.expected_frame_rate
        };
        let frame_rate = footage.frame_rate.min(expected);
        if frame_rate <= 0.0 || footage.bit_rate <= 0.0 || footage.pixels <= 0.0 {
            return 1.0;
        }
        let bits = self.factor(footage.codec) * footage.bit_rate / footage.pixels / frame_rate;
        let base = self.per_ln_bits_per_pixel * bits.ln() + self.one_bit_per_pixel;
        let moving = base.clamp(1.0, 5.0)
            - self.per_ln_missing_frames * (expected / frame_rate).ln()
            - self.per_ms_of_delay * footage.delay_ms;
        let moving = moving.clamp(1.0, 5.0);
        1.0 + (moving - 1.0) * (1.0 - self.frozen_weight * footage.frozen.clamp(0.0, 1.0))
    }

    /// Returns the MOS of an interval. None if it is not of video, if bit rate, frame size, frame
    /// rate or round trip are not reported, if no bit was sent, or if its source gave at most three
    /// frames in two seconds, because neither a camera that is off nor a slide is bad video. The
    /// round trip of the report's `path` is used if RTCP reported none.
    #[must_use]
    pub fn of(&self, interval: &Interval, path: Option<&Path>) -> Option<f64> {
        if interval.kind != Kind::Video || interval.is_source_still() {
            return None;
        }
        let video = interval.video.as_ref()?;
        let round_trip_ms = measure::latency_ms(interval, path)?;
        let footage = Footage {
            codec: interval.codec.as_deref(),
            screen_share: video.screen_share.unwrap_or(false),
            bit_rate: measure::bit_rate(interval).filter(|bit_rate| *bit_rate > 0.0)?,
            pixels: video.frame_width? as f64 * video.frame_height? as f64,
            frame_rate: measure::frame_rate(interval)?,
            delay_ms: measure::jitter_buffer_ms(interval).unwrap_or(0.0) + round_trip_ms / 2.0,
            // Firefox and Safari report no freezes, but a freeze lowers their frame rate.
            frozen: measure::freeze(interval).unwrap_or(0.0),
        };
        (footage.pixels > 0.0).then(|| self.mos(&footage))
    }

    fn factor(&self, codec: Option<&str>) -> f64 {
        codec
            .and_then(|mime| named(&self.codec_factors, mime))
            .copied()
            .unwrap_or(self.default_codec_factor)
    }
}

#[cfg(test)]
mod tests;
