//! Scores of an interval: the thresholds of the Call Quality Dashboard of Microsoft Teams
//! (learn.microsoft.com, "Stream classification in Call Quality Dashboard"), Twilio's call tags
//! (twilio.com/docs, Voice Insights), the bands of the E-model (ITU-T G.107, G.109), the points of
//! Cloudflare's AIM (github.com/cloudflare/speedtest), and the MOS of the E-model (ITU-T G.107,
//! G.113) and of rtcscore (github.com/ggarber/rtcscore).

use schemas::{Direction, Kind, Verdict};
use world::truth::Interval;

/// RTCP round trip, ms: the mean, or else the last one.
pub(super) fn round_trip_ms(interval: &Interval) -> Option<f64> {
    let totals = interval.round_trip_us.zip(interval.round_trip_count);
    match totals.and_then(|(us, count)| mean_ms(us, count)) {
        Some(mean) => Some(mean),
        None => interval.round_trip_gauge_us.map(|us| us as f64 / 1000.0),
    }
}

/// Packets lost, and those of which they were lost, if reported and any.
pub(super) fn lost_of(interval: &Interval) -> Option<(i64, i64)> {
    interval.packets_lost?;
    lost_and_sent(interval).filter(|(_, sent)| *sent > 0)
}

/// Packets lost, and those sent for the first time. Of a sent stream on which no receiver report came none
/// are known to be lost so far: the next report is of them, too.
pub(super) fn lost_and_sent(interval: &Interval) -> Option<(i64, i64)> {
    let received = interval.packets_received?;
    let lost = match interval.direction {
        Direction::Outbound => interval.packets_lost.unwrap_or(0),
        _ => interval.packets_lost?,
    };
    let again = match interval.direction {
        Direction::Inbound => interval.retransmitted_packets.unwrap_or(0),
        _ => 0,
    };
    Some((lost, received - again + lost))
}

/// Share of packets lost, 0 to 1: of what was sent no more than all of it, whenever that is reported.
pub(super) fn loss(interval: &Interval) -> Option<f64> {
    lost_of(interval).map(|(lost, sent)| lost.clamp(0, sent) as f64 / sent as f64)
}

/// Jitter at the end, ms.
fn jitter_ms(interval: &Interval) -> Option<f64> {
    interval.jitter_us.map(|us| us as f64 / 1000.0)
}

/// Frames a second.
pub(super) fn frame_rate(interval: &Interval) -> Option<f64> {
    let observed_us = interval.end_us - interval.start_us;
    interval.frames.map(|frames| frames as f64 * 1e6 / observed_us as f64)
}

/// Returns true if packets were sent or it is unknown. Without packets the jitter is an old value.
pub(super) fn active(interval: &Interval) -> bool {
    let (received, lost) = match interval.direction {
        Direction::Outbound => (None, 0),
        _ => (interval.packets_received, interval.packets_lost.unwrap_or(0)),
    };
    lost > 0 || (interval.bytes != Some(0) && received != Some(0))
}

/// Returns true if the source delivered sound or a changing picture: five packets a second of audio and, where
/// its microphone reports its level, a sound in them; of video more frames than a still, or frames
/// of more than a fiftieth of a bit a pixel, not all of them repeated by the encoder.
pub(super) fn has_source(interval: &Interval) -> bool {
    let seconds = (interval.end_us - interval.start_us) as f64 / 1e6;
    let packets = match interval.direction {
        Direction::Outbound => None,
        _ => interval.packets_received.map(|it| it + interval.packets_lost.unwrap_or(0).max(0)),
    };
    let many_packets = packets.map(|packets| packets as f64 >= 5.0 * seconds);
    active(interval)
        && match interval.kind {
            Kind::Audio => {
                let is_muted = of_source(interval, interval.audio_energy_micro) == Some(0);
                !is_muted && (seconds <= 0.0 || many_packets != Some(false))
            }
            Kind::Video => many_packets == Some(true) || has_picture(interval, seconds),
            Kind::None => true,
        }
}

/// Returns a media source's value; only a sent stream has a media source.
fn of_source<T>(interval: &Interval, value: Option<T>) -> Option<T> {
    value.filter(|_| interval.direction == Direction::Outbound)
}

/// Frames a second that the source gave.
pub(super) fn source_rate(interval: &Interval) -> Option<f64> {
    let seconds = (interval.end_us - interval.start_us) as f64 / 1e6;
    of_source(interval, interval.source_frames).map(|frames| frames as f64 / seconds)
}

/// Frames that a black or still picture has in so many seconds: three in two, and in less than that
/// one and one for each second.
fn still_frames(seconds: f64) -> f64 {
    if seconds < 2.0 { seconds + 1.0 } else { seconds * 1.5 }
}

/// Returns true if a limit of `least` frames a second is more than the source delivered, and the stream has
/// not got them, or but repetitions.
fn starves(interval: &Interval, least: f64) -> bool {
    let seconds = (interval.end_us - interval.start_us) as f64 / 1e6;
    let most = still_frames(seconds).max(least * seconds);
    source_rate(interval).is_some_and(|rate| rate < least)
        && interval.frames.is_some_and(|frames| (frames as f64) < most)
}

fn is_slide(interval: &Interval) -> bool {
    let seconds = (interval.end_us - interval.start_us) as f64 / 1e6;
    let few = |frames: Option<i64>| frames.is_some_and(|it| it as f64 <= still_frames(seconds));
    few(of_source(interval, interval.source_frames)) && few(interval.frames)
}

fn has_picture(interval: &Interval, seconds: f64) -> bool {
    let Some((frames, bytes)) = interval.frames.zip(interval.bytes) else { return true };
    let sent = frames + interval.frames_dropped.unwrap_or(0).max(0);
    let pixels = interval.frame_width.unwrap_or(640) * interval.frame_height.unwrap_or(360);
    let bits_a_pixel = bytes as f64 * 8.0 / (sent as f64 * pixels as f64);
    if is_slide(interval) && source_rate(interval) == Some(0.0) {
        return false;
    }
    sent <= 0 || seconds <= 0.0 || frames as f64 > still_frames(seconds) || bits_a_pixel > 0.02
}

/// Jitter of packets that came.
pub(super) fn fresh_jitter_ms(interval: &Interval) -> Option<f64> {
    if active(interval) { jitter_ms(interval) } else { None }
}

fn mean_ms(us: i64, count: i64) -> Option<f64> {
    (count > 0).then(|| us as f64 / count as f64 / 1000.0)
}

/// Round trips and their number, by RTCP or else by ICE.
type Ice = Option<(i64, i64)>;

fn latency_ms(interval: &Interval, ice: Ice) -> Option<f64> {
    round_trip_ms(interval).or_else(|| ice.and_then(|(us, count)| mean_ms(us, count)))
}

/// Verdict of each pack on an interval.
pub(super) fn packs(interval: &Interval, ice: Ice) -> [(&'static str, Verdict); 5] {
    let verdict = |poor: Option<bool>| verdict(poor.filter(|_| has_source(interval)));
    [
        ("comparable@1", verdict(comparable_finds_poor(interval))),
        ("teams-cqd@3", verdict(teams_finds_poor(interval))),
        ("twilio@1", verdict(twilio_tags(interval, ice))),
        ("e-model-bands@1", verdict(rating(interval, ice).map(|r| r < 70.0))),
        ("aim-rtc@1", verdict(aim_points(interval, ice).map(|points| points < 15))),
    ]
}

const fn verdict(poor: Option<bool>) -> Verdict {
    match poor {
        Some(true) => Verdict::Poor,
        Some(false) => Verdict::Good,
        None => Verdict::Unclassified,
    }
}

fn teams_finds_poor(interval: &Interval) -> Option<bool> {
    match interval.kind {
        Kind::Audio => audio_is_poor(interval),
        Kind::Video => video_is_poor(interval),
        Kind::None => None,
    }
}

/// The limits that every browser's members are held against.
fn comparable_finds_poor(interval: &Interval) -> Option<bool> {
    if interval.stream_packets? <= 500 {
        return None;
    }
    let lossy = |most: f64| loss(interval).map(|share| share > most);
    let exceeded = match (interval.kind, interval.direction) {
        (Kind::Audio, Direction::Outbound) => return audio_is_poor(interval),
        (Kind::Audio, _) => [lossy(0.1), fresh_jitter_ms(interval).map(|ms| ms > 30.0)],
        (Kind::Video, _) => [lossy(0.15), None],
        (Kind::None, _) => [None, None],
    };
    exceeded.into_iter().flatten().max()
}

/// Returns whether a tag is set; none for video, which has no tags.
fn twilio_tags(interval: &Interval, ice: Ice) -> Option<bool> {
    if interval.kind != Kind::Audio {
        return None;
    }
    let tags = [
        latency_ms(interval, ice).map(|ms| ms > 400.0),
        rating(interval, ice).map(|r| mos(r) < 3.5),
        fresh_jitter_ms(interval).map(|ms| ms > 30.0),
        loss(interval).map(|share| share > 0.05),
    ];
    tags.into_iter().flatten().max()
}

/// Points for real-time communication, but for latency under load, which only a test measures.
fn aim_points(interval: &Interval, ice: Ice) -> Option<i64> {
    if interval.kind == Kind::None {
        return None;
    }
    let latency = match latency_ms(interval, ice)? {
        ms if ms < 10.0 => 20,
        ms if ms < 20.0 => 10,
        ms if ms < 50.0 => 5,
        ms if ms < 100.0 => 0,
        ms if ms < 500.0 => -10,
        _ => -20,
    };
    let jitter = match fresh_jitter_ms(interval)? {
        ms if ms < 10.0 => 10,
        ms if ms < 20.0 => 5,
        ms if ms < 100.0 => 0,
        ms if ms < 500.0 => -10,
        _ => -20,
    };
    let loss = match loss(interval) {
        None => 0,
        Some(share) if share < 0.01 => 10,
        Some(share) if share < 0.05 => 5,
        Some(share) if share < 0.25 => 0,
        Some(share) if share < 0.5 => -10,
        Some(_) => -20,
    };
    Some(latency + jitter + loss)
}

fn audio_is_poor(interval: &Interval) -> Option<bool> {
    if interval.stream_packets? <= 500 {
        return None;
    }
    let exceeded = [
        round_trip_ms(interval).map(|ms| ms > 500.0),
        loss(interval).map(|share| share > 0.1),
        fresh_jitter_ms(interval).map(|ms| ms > 30.0),
    ];
    exceeded.into_iter().flatten().reduce(|any, next| any || next)
}

fn video_is_poor(interval: &Interval) -> Option<bool> {
    let too_many_dropped = || {
        let (dropped, frames) = (interval.frames_dropped?, interval.frames?);
        let all = frames + dropped;
        (all > 0).then(|| dropped as f64 / all as f64 > 0.5)
    };
    let too_slow = |least: f64| {
        let rate = frame_rate(interval).filter(|_| !starves(interval, least));
        rate.map(|rate| rate < least)
    };
    let enough_packets = interval.stream_packets > Some(500);
    match (interval.screen_share, interval.direction) {
        (Some(true), Direction::Outbound) => too_slow(1.0),
        (Some(true), _) => too_many_dropped(),
        _ if !enough_packets => None,
        (Some(false), _) => too_many_dropped()
            .or_else(|| too_slow(7.0))
            .or_else(|| loss(interval).map(|share| share > 0.15)),
        (None, Direction::Outbound) => None,
        // The first step is that of cameras and of screens.
        (None, _) => too_many_dropped(),
    }
}

/// Estimated MOS of an audio interval in thousandths; `ice` stands in for round trips that RTCP
/// does not tell.
pub(super) fn audio_mos_milli(interval: &Interval, ice: Ice) -> Option<i64> {
    rating(interval, ice).map(|r| (mos(r) * 1000.0).round() as i64)
}

fn jitter_buffer_ms(interval: &Interval) -> Option<f64> {
    let (us, emitted) = interval.jitter_buffer_us.zip(interval.jitter_buffer_emitted)?;
    mean_ms(us, emitted)
}

/// R of an audio interval.
fn rating(interval: &Interval, ice: Ice) -> Option<f64> {
    if interval.kind != Kind::Audio || !has_source(interval) {
        return None;
    }
    let percent = 100.0 * loss(interval)?;
    let round_trip_ms = latency_ms(interval, ice)?;
    let buffer_ms = jitter_buffer_ms(interval)
        .or_else(|| fresh_jitter_ms(interval).map(|ms| 2.0 * ms))
        .unwrap_or_default();
    // All codecs of the world: equipment impairment 0, 20 ms of packetisation and look-ahead.
    let robustness = match interval.codec.as_str() {
        "audio/PCMU" | "audio/PCMA" | "audio/G722" => 25.1,
        _ => 10.0,
    };
    let one_way_ms = round_trip_ms / 2.0 + buffer_ms + 20.0;
    let without_loss = WITHOUT_DELAY - delay_impairment(one_way_ms) - echo_impairment(one_way_ms);
    Some(without_loss - 95.0 * percent / (percent + robustness))
}

/// Estimated MOS of a video interval in thousandths; a camera should give 30 frames a second, a
/// shared screen 5.
pub(super) fn video_mos_milli(interval: &Interval, ice: Ice) -> Option<i64> {
    if interval.kind != Kind::Video || !has_source(interval) || is_slide(interval) {
        return None;
    }
    let observed_us = (interval.end_us - interval.start_us) as f64;
    let bits = interval.bytes.filter(|bytes| *bytes > 0)? as f64 * 8.0;
    let pixels = interval.frame_width? as f64 * interval.frame_height? as f64;
    let expected = if interval.screen_share == Some(true) { 5.0 } else { 30.0 };
    let rate = frame_rate(interval)?.min(expected);
    let delay_ms =
        jitter_buffer_ms(interval).unwrap_or_default() + latency_ms(interval, ice)? / 2.0;
    if rate <= 0.0 {
        return Some(1000);
    }
    let factor = match interval.codec.as_str() {
        "video/VP9" => 1.2,
        "video/AV1" => 1.43,
        _ => 1.0,
    };
    let bits_per_pixel = factor * bits * 1e6 / observed_us / pixels / rate;
    let sharp = (0.56 * bits_per_pixel.ln() + 5.36).clamp(1.0, 5.0);
    let fluent = (sharp - 1.9 * (expected / rate).ln() - 0.002 * delay_ms).clamp(1.0, 5.0);
    let frozen = (interval.freeze_us.unwrap_or_default() as f64 / observed_us).clamp(0.0, 1.0);
    Some(((1.0 + (fluent - 1.0) * (1.0 - frozen)) * 1000.0).round() as i64)
}

/// Ro − Is of G.107 (7-3, 7-8) with default values and a delay from which on Is does not change, to all
/// digits: a rating that is off by 10⁻⁸ rounds to another thousandth of MOS once in a million intervals.
const WITHOUT_DELAY: f64 = 93.355_253_498_018_67;

/// Idd of G.107 (7-27 and 7-28).
fn delay_impairment(ms: f64) -> f64 {
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let term = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (term(x) - 3.0 * term(x / 3.0) + 2.0)
}

/// Idte and Idle of G.107 (7-21 to 7-26) with the default loudness ratings of 65 and 110 dB, by which
/// No is −61.18 dBm0p and both Ro and Roe are 3 − 1.5 No.
fn echo_impairment(ms: f64) -> f64 {
    let ro = 3.0 + 1.5 * 61.179_214_386_241_69;
    let terv = 65.0 - 40.0 * ((1.0 + ms / 10.0) / (1.0 + ms / 150.0)).log10()
        + 6.0 * (-0.3 * ms.powi(2)).exp();
    let re = 80.0 + 2.5 * (terv - 14.0);
    let talker = (ro - re) / 2.0 + ((ro - re).powi(2) / 4.0 + 100.0).sqrt() - 1.0;
    let talker = if ms < 1.0 { 0.0 } else { (talker * (1.0 - (-ms).exp())).max(0.0) };
    let rle = 10.5 * (110.0 + 7.0) * (2.0 * ms + 1.0).powf(-0.25);
    let listener = (ro - rle) / 2.0 + ((ro - rle).powi(2) / 4.0 + 169.0).sqrt();
    talker + listener
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
            stream_packets: Some(501),
            packets_received: Some(98),
            packets_lost: Some(2),
            ..Interval::default()
        }
    }

    // ITU's calculator for G.107 gives R = 93.2 for a delay of 0.
    #[test]
    fn ratings_agree_with_figures_worked_out_by_other_means() {
        for (ms, r) in [(0.0, 93.206), (20.0, 92.531), (200.0, 85.805), (400.0, 62.247)] {
            let found = 93.355_253_448 - delay_impairment(ms) - echo_impairment(ms);
            assert!((found - r).abs() < 0.001, "{ms} ms: {found}");
        }
    }

    /// G.107 (7-3 to 7-19) with the default values of its Table 3, without an echo of one's own voice.
    #[test]
    fn the_rating_without_delay_is_that_of_the_formulas_to_all_digits() {
        let decibels = |power: f64| 10.0 * power.log10();
        let power = |decibels: f64| 10_f64.powf(decibels / 10.0);
        let (slr, rlr, stmr, lstr) = (8.0, 2.0, 15.0, 18.0);
        let send_room =
            35.0 - slr - 3.0 - 100.0 + 0.004 * (35.0 - slr - rlr - 3.0 - 14.0_f64).powi(2);
        let received_room = 35.0 + decibels(1.0 + power(10.0 - lstr));
        let receive_room = rlr - 121.0 + received_room + 0.008 * (received_room - 35.0).powi(2);
        let no =
            decibels(power(-70.0) + power(send_room) + power(receive_room) + power(rlr - 64.0));
        let ro = 15.0 - 1.5 * (slr + no);
        let xolr = slr + rlr + 0.2 * (64.0 + no - rlr);
        let loud = 20.0 * ((1.0 + (xolr / 8.0).powi(8)).powf(1.0 / 8.0) - xolr / 8.0);
        let root = |x: f64, n: i32| (1.0 + x.powi(n)).powf(1.0 / f64::from(n));
        let sidetone = 12.0 * root((stmr - 13.0) / 6.0, 8)
            - 28.0 * root((stmr + 1.0) / 19.4, 35)
            - 13.0 * root((stmr - 3.0) / 33.0, 13)
            + 29.0;
        let g = 1.07 + 0.258 * 37.0 + 0.0602 * 37.0 * 37.0;
        let quantising = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
        let quantising =
            15.0 * (1.0 + 10_f64.powf(quantising) + 10_f64.powf(46.0 / 30.0 - g / 40.0)).log10();
        let exact = ro - loud - sidetone - quantising;
        assert!((WITHOUT_DELAY - exact).abs() < 1e-11, "{exact}");
    }

    #[test]
    fn mos_agrees_with_figures_worked_out_by_other_means() {
        // 2 % loss: Ie,eff = 95 · 2 / (2 + 10) = 15.8333. Ta = 20 + 20: R = 76.1651; MOS = 3.8712.
        let short = Interval { round_trip_us: Some(80_000), round_trip_count: Some(2), ..audio() };
        assert_eq!(audio_mos_milli(&short, None), Some(3871));
        assert_eq!(audio_mos_milli(&audio(), Some((400_000, 10))), Some(3871));
        assert_eq!(audio_mos_milli(&audio(), None), None);
        // Ta = 200 + 20: X = 1.1375, Idd = 25 · (1.21179 - 3 · 1.00050 + 2) = 5.257. R = 67.4449.
        let long = Interval { round_trip_us: Some(400_000), round_trip_count: Some(1), ..audio() };
        assert!((delay_impairment(220.0) - 5.257).abs() < 0.001);
        assert_eq!(audio_mos_milli(&long, None), Some(3475));
    }

    #[test]
    fn audio_is_judged_above_500_packets_by_what_is_known() {
        let verdict = |interval: &Interval| packs(interval, None)[1].1;
        assert_eq!(verdict(&audio()), Verdict::Good);
        assert_eq!(
            verdict(&Interval { stream_packets: Some(500), ..audio() }),
            Verdict::Unclassified
        );
        assert_eq!(verdict(&Interval { jitter_us: Some(30_001), ..audio() }), Verdict::Poor);
        assert_eq!(verdict(&Interval { packets_lost: None, ..audio() }), Verdict::Unclassified);
    }

    // 2 % loss: Ie,eff = 15.8333. Round trip 400 ms: Ta = 250 ms; R = 63.34, MOS 3.271.
    #[test]
    fn other_packs_go_by_tags_bands_and_points() {
        let far = Interval {
            round_trip_us: Some(400_000),
            round_trip_count: Some(1),
            jitter_us: Some(15_000),
            ..audio()
        };
        assert_eq!(
            packs(&far, None).map(|(_, verdict)| verdict),
            [Verdict::Good, Verdict::Good, Verdict::Poor, Verdict::Poor, Verdict::Poor]
        );
        assert_eq!(aim_points(&far, None), Some(-10 + 5 + 5));
        let near = Interval { jitter_us: Some(9_000), ..audio() };
        assert_eq!(aim_points(&near, Some((45_000, 1))), Some(5 + 10 + 5));
        assert_eq!(aim_points(&near, None), None);
    }

    #[test]
    fn video_mos_agrees_with_a_figure_worked_out_by_hand() {
        // 600 kbit/s on 640×480 at 30: 0.0651 bits a pixel, 0.56 · ln + 5.36 = 3.8302; − 0.05.
        let video = Interval {
            kind: Kind::Video,
            codec: "video/VP8".to_owned(),
            end_us: 2_000_000,
            bytes: Some(150_000),
            frames: Some(60),
            frame_width: Some(640),
            frame_height: Some(480),
            ..Interval::default()
        };
        assert_eq!(video_mos_milli(&video, Some((50_000, 1))), Some(3780));
        let frozen = Interval { freeze_us: Some(200_000), ..video.clone() };
        assert_eq!(video_mos_milli(&frozen, Some((50_000, 1))), Some(3502));
        assert_eq!(video_mos_milli(&video, None), None);
    }

    #[test]
    fn video_is_judged_by_content_and_direction() {
        let verdict = |interval: &Interval| packs(interval, None)[1].1;
        let camera = Interval {
            kind: Kind::Video,
            direction: Direction::Inbound,
            end_us: 1_000_000,
            stream_packets: Some(501),
            frames: Some(6),
            packets_received: Some(100),
            packets_lost: Some(0),
            screen_share: Some(false),
            ..Interval::default()
        };
        assert_eq!(verdict(&camera), Verdict::Poor);
        assert_eq!(verdict(&Interval { frames_dropped: Some(6), ..camera.clone() }), Verdict::Good);
        assert_eq!(verdict(&Interval { frames: None, ..camera.clone() }), Verdict::Good);
        let early = Interval { stream_packets: Some(500), ..camera.clone() };
        assert_eq!(verdict(&early), Verdict::Unclassified);
        let screen = |frames, direction| Interval {
            frames: Some(frames),
            screen_share: Some(true),
            direction,
            ..early.clone()
        };
        assert_eq!(verdict(&screen(1, Direction::Outbound)), Verdict::Good);
        assert_eq!(verdict(&screen(0, Direction::Outbound)), Verdict::Poor);
        assert_eq!(verdict(&screen(0, Direction::Inbound)), Verdict::Unclassified);
        let unknown = Interval { screen_share: None, ..camera };
        assert_eq!(verdict(&unknown), Verdict::Unclassified);
        assert_eq!(verdict(&Interval { frames_dropped: Some(7), ..unknown }), Verdict::Poor);
    }

    #[test]
    fn a_source_that_gives_nothing_is_not_judged() {
        let black = Interval {
            kind: Kind::Video,
            direction: Direction::Inbound,
            end_us: 10_000_000,
            stream_packets: Some(5_000),
            bytes: Some(1_500),
            frames: Some(10),
            frames_dropped: Some(0),
            frame_width: Some(640),
            frame_height: Some(360),
            packets_received: Some(20),
            packets_lost: Some(0),
            ..Interval::default()
        };
        let noise = Interval { end_us: 10_000_000, packets_received: Some(20), ..audio() };
        let dropped = Interval { frames: Some(0), frames_dropped: Some(10), ..black.clone() };
        // Two frames of a camera that is off, a second apart.
        let short =
            Interval { end_us: 1_000_000, frames: Some(2), bytes: Some(300), ..black.clone() };
        let short = Interval { packets_received: Some(2), ..short };
        for it in [&black, &dropped, &short, &noise] {
            assert!(packs(it, None).iter().all(|(_, verdict)| *verdict == Verdict::Unclassified));
            assert_eq!(
                (audio_mos_milli(it, Some((9, 9))), video_mos_milli(it, Some((9, 9)))),
                (None, None)
            );
        }
        let lost = Interval { packets_lost: Some(400), ..black };
        assert!(packs(&lost, None).iter().any(|(_, verdict)| *verdict == Verdict::Poor));
    }
}
