//! The values that packs judge by, computed once for all packs.

use schemas::{Interval, Path};
use serde::Deserialize;

use crate::e_model;
use crate::measure;

/// A value that a pack can judge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean RTCP round trip, ms.
    RoundTrip,
    /// Mean RTCP round trip or, if RTCP reports none, that of the ICE path, ms.
    Latency,
    /// Packets lost of packets sent, ratio.
    Loss,
    /// Interarrival jitter (RFC 3550), ms.
    Jitter,
    /// Mean time in the jitter buffer, ms.
    JitterBuffer,
    /// Samples concealed, without silence, of all samples, ratio.
    Concealment,
    /// Frames dropped of frames received, ratio.
    FrameLoss,
    /// Frames decoded or encoded a second, 1/s.
    FrameRate,
    /// Time with a frozen picture, ratio.
    Freeze,
    /// Rating of the E-model, R.
    Rating,
    /// Score of audio, MOS.
    AudioMos,
    /// Score of video, MOS.
    VideoMos,
    /// Latency under load minus latency without load, ms. Speed tests measure it, but intervals
    /// never report it. It exists so that the pack of a speed test can be complete.
    LoadedLatencyIncrease,
}

/// Number of metrics.
const METRICS: usize = Metric::LoadedLatencyIncrease as usize + 1;

impl Metric {
    /// Returns the unit that packs must use for its thresholds.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::RoundTrip
            | Self::Latency
            | Self::Jitter
            | Self::JitterBuffer
            | Self::LoadedLatencyIncrease => "ms",
            Self::Loss | Self::Concealment | Self::FrameLoss | Self::Freeze => "ratio",
            Self::FrameRate => "1/s",
            Self::Rating => "R",
            Self::AudioMos | Self::VideoMos => "MOS",
        }
    }

    /// Its name in packs and in reasons.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundTrip => "round_trip",
            Self::Latency => "latency",
            Self::Loss => "loss",
            Self::Jitter => "jitter",
            Self::JitterBuffer => "jitter_buffer",
            Self::Concealment => "concealment",
            Self::FrameLoss => "frame_loss",
            Self::FrameRate => "frame_rate",
            Self::Freeze => "freeze",
            Self::Rating => "rating",
            Self::AudioMos => "audio_mos",
            Self::VideoMos => "video_mos",
            Self::LoadedLatencyIncrease => "loaded_latency_increase",
        }
    }
}

/// Values of all metrics of one interval; none if the interval lacks the metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings([Option<f64>; METRICS]);

impl Readings {
    pub(super) fn of(
        interval: &Interval,
        path: Option<&Path>,
        rating: Option<f64>,
        video_mos: Option<f64>,
    ) -> Self {
        let mut readings = Self::default();
        for (metric, value) in [
            (Metric::RoundTrip, measure::round_trip_ms(interval)),
            (Metric::Latency, measure::latency_ms(interval, path)),
            (Metric::Loss, measure::loss(interval)),
            (Metric::Jitter, measure::jitter_ms(interval)),
            (Metric::JitterBuffer, measure::jitter_buffer_ms(interval)),
            (Metric::Concealment, measure::concealment(interval)),
            (Metric::FrameLoss, measure::frame_loss(interval)),
            (Metric::FrameRate, measure::frame_rate(interval)),
            (Metric::Freeze, measure::freeze(interval)),
            (Metric::Rating, rating),
            (Metric::AudioMos, rating.map(e_model::mos)),
            (Metric::VideoMos, video_mos),
        ] {
            readings.0[metric as usize] = value;
        }
        readings
    }

    /// Returns a metric's value, in its unit.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> Option<f64> {
        self.0[metric as usize]
    }
}
