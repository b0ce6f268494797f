//! Measures how many addresses one core looks up per second.
//!
//! Sessions repeat the same address every few seconds, and a few networks have most clients, so the
//! addresses follow Zipf's law: over as many addresses as are cached, and over eight times as many.
//! For comparison, every address is looked up for the first time. Time is the thread's CPU time, so
//! other load on the machine has no effect.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use enrich::{EnrichSettings, Locator};
use mmdb_writer::{IpVersion, Writer};
use nix::time::{ClockId, clock_gettime};
use prometheus::Registry;
use serde_json::{Value, json};

/// The thread's CPU time.
struct CpuTime;

impl CpuTime {
    fn now() -> Duration {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Look-ups in a round: enough to request more addresses of a million clients than are cached.
const ASKED: usize = 2_000_000;

/// Addresses in a round in which each is looked up once.
const ONCE: usize = 200_000;

/// Returns pseudorandom bits of a counter (SplitMix64), the same in every run.
fn bits(seed: u64) -> u64 {
    let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Returns the address of client `n`, from about 16.0.0.0/5, which is public.
fn client(n: u64) -> String {
    Ipv4Addr::from_bits((16 << 24) | (bits(n) as u32 & 0x07ff_ffff)).to_string()
}

/// Returns look-ups of addresses of `clients` clients: address `k` with a frequency proportional to
/// 1/k (the inverse distribution is about clients^u).
fn asked(clients: u64) -> Vec<String> {
    let uniform = |n: usize| bits(n as u64 ^ 0xA5A5) as f64 / u64::MAX as f64;
    let rank = |n| (clients as f64).powf(uniform(n)) as u64;
    (0..ASKED).map(|n| client(rank(n))).collect()
}

fn mmdb(folder: &Path, name: &str, record: impl Fn(u32) -> Value) -> PathBuf {
    let mut writer = Writer::builder(name).ip_version(IpVersion::V6).build();
    for n in 0..(1 << 15) {
        let network = Ipv4Addr::from_bits((16 << 24) | (n << 12));
        let network = mmdb_writer::ipnet::Ipv4Net::new(network, 20).unwrap();
        writer.insert(mmdb_writer::ipnet::IpNet::V4(network), &record(n)).unwrap();
    }
    let path = folder.join(name);
    std::fs::write(&path, writer.to_bytes().unwrap()).unwrap();
    path
}

/// Returns a record as large as MaxMind's, with names in eight languages.
fn city(n: u32) -> Value {
    let names = |name: &str| {
        json!({"de": name, "en": name, "es": name, "fr": name, "ja": name, "pt-BR": name,
               "ru": name, "zh-CN": name})
    };
    json!({
        "city": {"geoname_id": n, "names": names(&format!("City {}", n % 5_000))},
        "continent": {"code": "EU", "geoname_id": 6_255_148, "names": names("Europe")},
        "country": {"geoname_id": 2_921_044, "iso_code": "DE", "names": names("Germany")},
        "location": {"accuracy_radius": 20, "latitude": 48.1, "longitude": 11.5,
                     "time_zone": "Europe/Berlin"},
        "postal": {"code": "80331"},
        "registered_country": {"iso_code": "DE", "names": names("Germany")},
        "subdivisions": [{"iso_code": "BY", "names": names("Bavaria")}],
    })
}

fn asn(n: u32) -> Value {
    let organisation = format!("Provider {}", n % 2_000);
    json!({"autonomous_system_number": n % 2_000,
           "autonomous_system_organization": organisation})
}

fn look_up(criterion: &mut Criterion<CpuTime>) {
    let folder = tempfile::tempdir().unwrap();
    let settings = EnrichSettings {
        city: vec![mmdb(folder.path(), "City", city)],
        asn: vec![mmdb(folder.path(), "ASN", asn)],
        ..EnrichSettings::default()
    };
    let mut group = criterion.benchmark_group("look_up");
    group.sample_size(10).throughput(Throughput::Elements(ASKED as u64));
    for clients in [100_000, 1_000_000] {
        let asked = asked(clients);
        let mut locator = Locator::open(&settings, &Registry::new()).unwrap();
        group.bench_function(BenchmarkId::new("zipf", clients), |bencher| {
            bencher.iter(|| {
                for address in &asked {
                    black_box(locator.locate(black_box(address)));
                }
            });
        });
    }
    group.finish();
    let mut first_time = criterion.benchmark_group("first_time");
    first_time.sample_size(10).throughput(Throughput::Elements(ONCE as u64));
    let settings = EnrichSettings { address_cache: 1, ..settings };
    let mut locator = Locator::open(&settings, &Registry::new()).unwrap();
    let asked = (0..ONCE as u64).map(client).collect::<Vec<_>>();
    first_time.bench_function("all", |bencher| {
        bencher.iter(|| {
            for address in &asked {
                black_box(locator.locate(black_box(address)));
            }
        });
    });
    first_time.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = look_up
}
criterion_main!(benches);
