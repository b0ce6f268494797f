//! Reference values that `reference.py` computes from the published formulas.

use deploy::failure::{Context, Failure};
use serde::Deserialize;

/// The reference values, each row with inputs followed by expected outputs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub(super) e_model: EModel,
    /// MIME type, bit/s, pixels, frames a second, delay in ms; MOS.
    pub(super) video: Vec<(String, f64, f64, f64, f64, f64)>,
    /// Successes, trials, limits.
    pub(super) wilson: Vec<(u64, u64, f64, f64)>,
    /// Cases, trials, upper limit.
    pub(super) exact_upper_limit: Vec<(f64, f64, f64)>,
    /// Two shares, power, size.
    pub(super) sample_size: Vec<(f64, f64, f64, f64)>,
    /// Level, size.
    pub(super) percentile_sample_size: Vec<(f64, u64)>,
    /// Probability, quantile.
    pub(super) normal_quantile: Vec<(f64, f64)>,
    /// Successes and trials of two groups, limits of the difference.
    pub(super) newcombe: Vec<(u64, u64, u64, u64, f64, f64)>,
    pub(super) estimate: Vec<Estimated>,
}

/// Parameters of generated sessions, and their expected estimate.
#[derive(Debug, Deserialize)]
pub(super) struct Estimated {
    pub(super) seed: u64,
    pub(super) sessions: usize,
    /// Number of sessions in ten that are never poor.
    pub(super) never_poor: u64,
    pub(super) effective_sessions: f64,
    pub(super) ratio: f64,
    pub(super) standard_error: f64,
    pub(super) degrees_of_freedom: f64,
    /// Limits of the ratio as a mean.
    pub(super) mean: [f64; 2],
    /// Limits of the ratio as a share; only the upper one if the share is too small for both.
    pub(super) share: (Option<f64>, Option<f64>),
}

/// Rows of the E-model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EModel {
    /// R, MOS.
    pub(super) mos: Vec<(f64, f64)>,
    /// Delay, ms; Idd.
    pub(super) delay_g107: Vec<(f64, f64)>,
    /// One-way delay, ms, TELR, dB; Idte.
    pub(super) talker_echo: Vec<(f64, f64, f64)>,
    /// Round trip, ms, WEPL, dB; Idle.
    pub(super) listener_echo: Vec<(f64, f64, f64)>,
    /// One-way delay, ms; R with the default echo and without loss.
    pub(super) rating_g107: Vec<(f64, f64)>,
    /// Delay, ms; Id.
    pub(super) delay_simplified: Vec<(f64, f64)>,
    /// Ie, Bpl, loss in percent; Ie,eff.
    pub(super) loss: Vec<(f64, f64, f64, f64)>,
    /// Ie, Bpl, loss in percent, BurstR; Ie,eff.
    pub(super) burst_loss: Vec<(f64, f64, f64, f64, f64)>,
}

impl Reference {
    pub(super) fn load() -> Result<Self, Failure> {
        serde_json::from_str(include_str!("reference.json")).context("reference.json")
    }
}
