//! Properties that must hold for any bytes as look-up data, packs and parameters. Called by fuzz
//! targets and tests; not part of the public interface.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemas::{Interval, Kind};

use crate::content::Content;
use crate::geo::ProviderFile;
use crate::groups::Groups;
use crate::mmdb::{Depth, Mmdb};
use crate::pack::Pack;
use crate::place::{CityRecord, ConnectionRecord, ProviderRecord};
use crate::ranges::Ranges;
use crate::score::{AudioScore, Scores, VideoScore};

/// Reads the rest of `input` as the kind of file that its first byte chooses. Panics if a property
/// does not hold.
pub fn file(input: &[u8]) {
    let Some((chosen, bytes)) = input.split_first() else { return };
    let text = str::from_utf8(bytes);
    match (chosen % 6, text) {
        (0, _) => mmdb(bytes),
        (1, _) => ranges(bytes),
        (2, Ok(text)) => groups(text),
        (3, Ok(text)) => drop(Pack::parse(text).map(|pack| judged(&pack))),
        (4, Ok(text)) => drop(AudioScore::parse(text).map(|score| check_audio(&score))),
        (5, Ok(text)) => drop(VideoScore::parse(text).map(|score| seen(&score))),
        _ => {}
    }
}

fn mmdb(bytes: &[u8]) {
    let Ok(file) = Mmdb::of(Content::Read(bytes.to_vec())) else { return };
    for depth in [Depth::Sample, Depth::Whole] {
        let _ = file.check::<CityRecord<'_>>(depth);
        let _ = file.check::<ConnectionRecord<'_>>(depth);
    }
    for address in addresses() {
        let _ = file.find::<CityRecord<'_>>(address).map(|found| found.map(|city| city.place()));
        let _ = file.find::<ProviderRecord<'_>>(address);
    }
    let file = ProviderFile::Mmdb(file);
    let _ = (file.check(Depth::Whole), file.build_s());
}

fn ranges(bytes: &[u8]) {
    let Ok(ranges) = Ranges::read(bytes) else { return };
    for position in addresses().filter_map(|address| ranges.position(address)) {
        assert!((0..=i64::from(u32::MAX)).contains(&ranges.at(position).asn));
    }
}

fn groups(text: &str) {
    let Ok(groups) = Groups::parse("providers.toml", text) else { return };
    for asn in [-1, 0, 1 << 32, i64::MAX] {
        assert_eq!(groups.provider(asn), None, "no AS number");
    }
}

/// Returns intervals with no, few and most quantities known.
fn intervals() -> [Interval; 3] {
    let known = Interval {
        packets_received: Some(90),
        packets_lost: Some(10),
        round_trip_us: Some(1_000_000),
        round_trip_count: Some(4),
        jitter_us: Some(30_000),
        end_us: 10_000_000,
        stream_packets: Some(100),
        codec: Some("audio/opus".to_owned()),
        ..Interval::default()
    };
    [Interval::default(), Interval { kind: Kind::Video, end_us: 1, ..Interval::default() }, known]
}

fn judged(pack: &Pack) {
    assert!(!pack.label().is_empty());
    for interval in &intervals() {
        if let Ok(scores) = Scores::embedded() {
            let _ = pack.judge(interval, &scores.readings(interval, None));
        }
    }
}

fn check_audio(score: &AudioScore) {
    for interval in &intervals() {
        let _ = score.rating(interval, None);
    }
}

fn seen(score: &VideoScore) {
    for interval in &intervals() {
        let _ = score.of(interval, None);
    }
}

fn addresses() -> impl Iterator<Item = IpAddr> {
    let v4 = [0, 0x0100_0001, 0x0808_0808, 0xcb00_7107, u32::MAX];
    let v6 = [0, 1, 0x2001_0db8 << 96, 0x2600_0000 << 96, u128::MAX];
    let v4 = v4.into_iter().map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits)));
    v4.chain(v6.into_iter().map(|bits| Ipv6Addr::from_bits(bits).into()))
}
