//! What an interval is worth: the thresholds of the Call Quality Dashboard of Microsoft Teams
//! (learn.microsoft.com, "Stream classification in Call Quality Dashboard"), and the MOS of the
//! E-model (ITU-T G.107, G.113).

use schemas::{Kind, Verdict};

use crate::truth::Interval;

/// Mean RTCP round trip, ms.
pub(super) fn round_trip_ms(interval: &Interval) -> Option<f64> {
    mean_ms(interval.round_trip_us?, interval.round_trip_count?)
}

/// Share of packets lost, 0 to 1.
pub(super) fn loss(interval: &Interval) -> Option<f64> {
    let (received, lost) = (interval.packets_received?, interval.packets_lost?);
    let sent = received + lost;
    (sent > 0).then(|| lost.max(0) as f64 / sent as f64)
}

/// Jitter at the end, ms.
pub(super) fn jitter_ms(interval: &Interval) -> Option<f64> {
    interval.jitter_us.map(|us| us as f64 / 1000.0)
}

/// Frames a second.
pub(super) fn frame_rate(interval: &Interval) -> Option<f64> {
    let observed_us = interval.end_us - interval.start_us;
    interval.frames.map(|frames| frames as f64 * 1e6 / observed_us as f64)
}

fn mean_ms(us: i64, count: i64) -> Option<f64> {
    (count > 0).then(|| us as f64 / count as f64 / 1000.0)
}

/// What each pack says of an interval.
pub(super) fn packs(interval: &Interval) -> [(&'static str, Verdict); 1] {
    [("teams-cqd@1", verdict(interval))]
}

/// Poor, good or neither.
fn verdict(interval: &Interval) -> Verdict {
    let poor = match interval.kind {
        Kind::Audio => audio_is_poor(interval),
        Kind::Video => video_is_poor(interval),
        Kind::None => None,
    };
    match poor {
        Some(true) => Verdict::Poor,
        Some(false) => Verdict::Good,
        None => Verdict::Unclassified,
    }
}

fn audio_is_poor(interval: &Interval) -> Option<bool> {
    if interval.stream_packets? < 500 {
        return None;
    }
    let exceeded = [
        round_trip_ms(interval).map(|ms| ms > 500.0),
        loss(interval).map(|share| share > 0.1),
        jitter_ms(interval).map(|ms| ms > 30.0),
    ];
    exceeded.into_iter().flatten().reduce(|any, next| any || next)
}

fn video_is_poor(interval: &Interval) -> Option<bool> {
    let dropped = interval.frames_dropped.zip(interval.frames).and_then(|(dropped, frames)| {
        let all = frames + dropped;
        (all > 0).then(|| dropped as f64 / all as f64 > 0.5)
    });
    dropped
        .or_else(|| frame_rate(interval).map(|rate| rate < 7.0))
        .or_else(|| loss(interval).map(|share| share > 0.15))
}

/// Estimated MOS of an audio interval in thousandths; `ice` stands in for round trips that RTCP
/// does not tell.
pub(super) fn audio_mos_milli(interval: &Interval, ice: Option<(i64, i64)>) -> Option<i64> {
    if interval.kind != Kind::Audio {
        return None;
    }
    let percent = 100.0 * loss(interval)?;
    let round_trip_ms =
        round_trip_ms(interval).or_else(|| ice.and_then(|(us, count)| mean_ms(us, count)))?;
    let buffer_ms = interval
        .jitter_buffer_us
        .zip(interval.jitter_buffer_emitted)
        .and_then(|(us, emitted)| mean_ms(us, emitted))
        .or_else(|| jitter_ms(interval).map(|ms| 2.0 * ms))
        .unwrap_or_default();
    // All codecs of the world: equipment impairment 0, 20 ms of packetisation and look-ahead.
    let robustness = match interval.codec.as_str() {
        "audio/PCMU" | "audio/PCMA" | "audio/G722" => 25.1,
        _ => 10.0,
    };
    let one_way_ms = round_trip_ms / 2.0 + buffer_ms + 20.0;
    let r = 93.2 - delay_impairment(one_way_ms) - 95.0 * percent / (percent + robustness);
    Some((mos(r) * 1000.0).round() as i64)
}

/// Idd of G.107 (7-27 and 7-28).
fn delay_impairment(ms: f64) -> f64 {
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let term = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (term(x) - 3.0 * term(x / 3.0) + 2.0)
}

/// G.107, Annex B.
fn mos(r: f64) -> f64 {
    let r = r.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use schemas::Direction;

    use super::*;

    fn audio() -> Interval {
        Interval {
            kind: Kind::Audio,
            direction: Direction::Inbound,
            codec: "audio/opus".to_owned(),
            stream_packets: Some(500),
            packets_received: Some(98),
            packets_lost: Some(2),
            ..Interval::default()
        }
    }

    #[test]
    fn mos_agrees_with_figures_worked_out_by_hand() {
        // 2 % loss: Ie,eff = 95 · 2 / (2 + 10) = 15.8333; R = 77.3667; MOS = 3.9207.
        let short = Interval { round_trip_us: Some(80_000), round_trip_count: Some(2), ..audio() };
        assert_eq!(audio_mos_milli(&short, None), Some(3921));
        assert_eq!(audio_mos_milli(&audio(), Some((400_000, 10))), Some(3921));
        assert_eq!(audio_mos_milli(&audio(), None), None);
        // Ta = 200 + 20: X = 1.1375, Idd = 25 · (1.21179 - 3 · 1.00050 + 2) = 5.257.
        let long = Interval { round_trip_us: Some(400_000), round_trip_count: Some(1), ..audio() };
        assert!((delay_impairment(220.0) - 5.257).abs() < 0.001);
        assert!(audio_mos_milli(&long, None) < Some(3750));
    }

    #[test]
    fn audio_is_judged_from_500_packets_on_by_what_is_known() {
        assert_eq!(verdict(&audio()), Verdict::Good);
        assert_eq!(
            verdict(&Interval { stream_packets: Some(499), ..audio() }),
            Verdict::Unclassified
        );
        assert_eq!(verdict(&Interval { jitter_us: Some(30_001), ..audio() }), Verdict::Poor);
        assert_eq!(verdict(&Interval { packets_lost: None, ..audio() }), Verdict::Unclassified);
    }

    #[test]
    fn video_is_judged_by_the_first_rule_that_can_be_applied() {
        let video = Interval {
            kind: Kind::Video,
            end_us: 1_000_000,
            frames: Some(6),
            packets_received: Some(100),
            packets_lost: Some(0),
            ..Interval::default()
        };
        assert_eq!(verdict(&video), Verdict::Poor);
        assert_eq!(verdict(&Interval { frames_dropped: Some(6), ..video.clone() }), Verdict::Good);
        assert_eq!(verdict(&Interval { frames: None, ..video }), Verdict::Good);
    }
}
