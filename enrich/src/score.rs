//! Quality of an interval: audio and video scores, and the verdict of each threshold pack.

mod audio;
mod readings;
mod video;

use schemas::{Interval, PackVerdict, Path, ScoredInterval};

use crate::error::ParameterError;
use crate::pack::Pack;

pub use audio::AudioScore;
pub use readings::{Metric, Readings};
pub use video::{Footage, VideoScore};

/// The scores and packs that intervals are judged by.
#[derive(Debug)]
pub struct Scores {
    audio: AudioScore,
    video: VideoScore,
    /// The first is the primary one.
    packs: Vec<Pack>,
}

impl Scores {
    /// Returns a scorer with these scores and packs.
    #[must_use]
    pub const fn new(audio: AudioScore, video: VideoScore, packs: Vec<Pack>) -> Self {
        Self { audio, video, packs }
    }

    /// Returns the scorer with the built-in packs and parameters.
    ///
    /// # Errors
    /// Never, unless the program was built from broken files.
    pub fn embedded() -> Result<Self, ParameterError> {
        let packs = Pack::EMBEDDED.iter().map(|(_, json)| Pack::parse(json));
        Ok(Self::new(
            AudioScore::parse(AudioScore::EMBEDDED)?,
            VideoScore::parse(VideoScore::EMBEDDED)?,
            packs.collect::<Result<_, _>>()?,
        ))
    }

    /// Returns the score of audio.
    #[must_use]
    pub const fn audio(&self) -> &AudioScore {
        &self.audio
    }

    /// Returns the score of video.
    #[must_use]
    pub const fn video(&self) -> &VideoScore {
        &self.video
    }

    /// Returns the packs, in the order of their verdicts.
    #[must_use]
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// Returns `name@version` of the scores' parameters, audio first.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{},{}", self.audio.label(), self.video.label())
    }

    /// Returns the metrics by which packs judge an interval. The round trip of the report's `path` is used if
    /// RTCP reported none.
    #[must_use]
    pub fn readings(&self, interval: &Interval, path: Option<&Path>) -> Readings {
        let rating = self.audio.rating(interval, path);
        Readings::of(interval, path, rating, self.video.of(interval, path))
    }

    /// Returns the interval with its scores and verdicts.
    #[must_use]
    pub fn score(&self, interval: Interval, path: Option<&Path>) -> ScoredInterval {
        let mut scored = ScoredInterval { interval, ..ScoredInterval::default() };
        self.judge(&mut scored, path);
        scored
    }

    /// Overwrites the scores and verdicts of `scored` with those of `scored.interval`.
    pub(crate) fn judge(&self, scored: &mut ScoredInterval, path: Option<&Path>) {
        let ScoredInterval { interval, audio_mos_milli, video_mos_milli, verdicts } = scored;
        let readings = self.readings(interval, path);
        *audio_mos_milli = readings.get(Metric::AudioMos).map(milli);
        *video_mos_milli = readings.get(Metric::VideoMos).map(milli);
        verdicts.resize_with(self.packs.len(), PackVerdict::default);
        for (pack, PackVerdict { verdict, reason }) in self.packs.iter().zip(verdicts) {
            let judgement = pack.judge(interval, &readings);
            *verdict = judgement.verdict;
            match (judgement.reason, reason) {
                (Some(new), Some(reason)) => new.clone_into(reason),
                (new, reason) => *reason = new.map(str::to_owned),
            }
        }
    }
}

fn milli(mos: f64) -> i32 {
    (mos * 1000.0).round() as i32
}

#[cfg(test)]
mod tests;
