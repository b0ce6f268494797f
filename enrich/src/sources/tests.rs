#![allow(clippy::unwrap_used)]

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};

use mmdb_writer::IpVersion;
use prometheus::{Registry, TextEncoder};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::geo::tests::{mmdb, place_of};
use crate::metrics::Metrics;

const ADDRESS: &str = "81.254.3.77";

/// A folder with a city file and a provider file that are watched.
struct Watched {
    folder: TempDir,
    sources: Sources,
    registry: Registry,
    metrics: ReloadMetrics,
}

impl Watched {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (city, asn) = (folder.path().join("City"), folder.path().join("asn.csv"));
        let providers = folder.path().join("providers.toml");
        fs::write(&asn, "81.254.3.0,81.254.3.255,3215,Orange\n").unwrap();
        fs::write(&providers, "[providers]\n").unwrap();
        write_city(&folder, "FR");
        let settings = EnrichSettings {
            city: vec![city],
            asn: vec![asn],
            providers: Some(providers),
            ..EnrichSettings::default()
        };
        let sources = Sources::open(&settings, &mut Problems::default()).unwrap();
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap().reload;
        Self { folder, sources, registry, metrics }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn refresh(&mut self) -> bool {
        self.sources.refresh(&self.metrics)
    }

    /// Returns the country of an address at the end of a file.
    fn country(&self) -> String {
        place_of(&self.sources.geo(), ADDRESS.parse().unwrap()).unwrap().unwrap().country
    }

    fn organisation(&self) -> String {
        let geo = self.sources.geo();
        let mut provider = geo.provider(ADDRESS.parse().unwrap()).unwrap().unwrap().read().unwrap();
        geo.group(&mut provider);
        provider.organisation
    }

    #[track_caller]
    fn assert_shows(&self, sample: &str) {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        let folder = format!("{}/", self.folder.path().display());
        let text = text.replace(&folder, "");
        assert!(text.lines().any(|line| line == sample), "{sample} is not in\n{text}");
    }
}

/// Puts a city file in place by renaming.
fn write_city(folder: &TempDir, country: &str) {
    let aside = TempDir::new_in(folder.path()).unwrap();
    let records = (0..200).map(|n| {
        (
            format!("81.{n}.3.0/24"),
            json!({"country_code": country, "city": format!("City number {n}")}),
        )
    });
    let records = records.collect::<Vec<_>>();
    let records = records.iter().map(|(network, record)| (network.as_str(), record.clone()));
    let others = [("81.254.0.0/16", json!({"country_code": country}))];
    let records = records.chain(others).collect::<Vec<_>>();
    fs::rename(mmdb(&aside, "City", IpVersion::V6, &records), folder.path().join("City")).unwrap();
}

#[test]
fn a_file_that_was_replaced_is_taken_into_use_once() {
    let mut watched = Watched::new();
    assert!(!watched.refresh());
    let before = watched.sources.geo();
    write_city(&watched.folder, "DE");
    assert!(watched.refresh());
    assert_eq!(watched.country(), "DE");
    assert_eq!(place_of(&before, ADDRESS.parse().unwrap()).unwrap().unwrap().country, "FR");
    assert!(!watched.refresh());
    watched.assert_shows("isobar_enrich_look_up_reloads_total{table=\"city\"} 1");
    watched.assert_shows("isobar_enrich_look_up_stale{file=\"City\",table=\"city\"} 0");
}

#[test]
fn files_of_ranges_and_groups_follow_too_and_their_labels_with_them() {
    let mut watched = Watched::new();
    let before = watched.sources.geo().asn_label();
    fs::write(watched.path("asn.csv"), "81.254.3.0,81.254.3.255,3215,Other\n").unwrap();
    assert!(watched.refresh());
    assert_eq!(watched.organisation(), "Other");
    let between = watched.sources.geo().asn_label();
    fs::write(watched.path("providers.toml"), "[providers]\nGroup = [3215]\n").unwrap();
    assert!(watched.refresh());
    assert_eq!(watched.organisation(), "Group");
    let after = watched.sources.geo().asn_label();
    assert!(before != between && between != after, "{before} {between} {after}");
}

#[test]
fn a_file_cut_short_in_place_does_no_harm_and_counts_once_until_it_changes() {
    let mut watched = Watched::new();
    let geo = watched.sources.geo();
    for length in [100, 0] {
        let file = OpenOptions::new().write(true).open(watched.path("City")).unwrap();
        file.set_len(length).unwrap();
        assert!(!watched.refresh());
        // A mapping of the file itself would end the process here.
        assert_eq!(place_of(&geo, ADDRESS.parse().unwrap()).unwrap().unwrap().country, "FR");
        assert!(!watched.refresh());
        assert_eq!(watched.country(), "FR");
    }
    watched.assert_shows("isobar_enrich_look_up_reload_failures_total{table=\"city\"} 2");
    watched.assert_shows("isobar_enrich_look_up_stale{file=\"City\",table=\"city\"} 1");
    write_city(&watched.folder, "DE");
    assert!(watched.refresh());
    assert_eq!(watched.country(), "DE");
    watched.assert_shows("isobar_enrich_look_up_stale{file=\"City\",table=\"city\"} 0");
}

#[test]
fn ranges_that_are_cut_off_between_two_lines_are_not_taken_into_use() {
    let mut watched = Watched::new();
    let line = |n| format!("81.254.{n}.0,81.254.{n}.255,3215,Orange\n");
    let lines = |count: u8| (0..count).map(line).collect::<String>();
    for (count, is_used) in [(100, true), (90, true), (80, false), (1, false), (81, true)] {
        fs::write(watched.path("asn.csv"), lines(count)).unwrap();
        assert_eq!(watched.refresh(), is_used, "{count}");
        assert_eq!(watched.organisation(), "Orange");
    }
    watched.assert_shows("isobar_enrich_look_up_reload_failures_total{table=\"asn\"} 2");
}

#[test]
fn a_file_that_vanished_stays_in_use_until_another_comes() {
    let mut watched = Watched::new();
    let (city, aside) = (watched.path("City"), watched.path("aside"));
    fs::rename(&city, &aside).unwrap();
    assert!(!watched.refresh());
    assert_eq!(watched.country(), "FR");
    watched.assert_shows("isobar_enrich_look_up_reload_failures_total{table=\"city\"} 1");
    watched.assert_shows("isobar_enrich_look_up_stale{file=\"City\",table=\"city\"} 1");
    fs::rename(&aside, &city).unwrap();
    watched.refresh();
    watched.assert_shows("isobar_enrich_look_up_stale{file=\"City\",table=\"city\"} 0");
    assert_eq!(watched.country(), "FR");
}

#[test]
fn a_file_damaged_anywhere_in_its_tree_or_records_is_not_taken_into_use() {
    let whole = {
        let watched = Watched::new();
        fs::read(watched.path("City")).unwrap()
    };
    let separator = whole.windows(16).position(|bytes| bytes == [0; 16]).unwrap();
    let metadata =
        whole.windows(14).rposition(|bytes| bytes == b"\xab\xcd\xefMaxMind.com").unwrap();
    for (what, from, to) in [
        ("metadata", metadata + 14, whole.len()),
        ("end of the records", metadata - 200, metadata),
        ("start of the records", separator + 16, separator + 40),
        ("tree", separator - 300, separator),
    ] {
        let mut watched = Watched::new();
        let mut file = OpenOptions::new().write(true).open(watched.path("City")).unwrap();
        file.seek(SeekFrom::Start(from as u64)).unwrap();
        file.write_all(&vec![0xff; to - from]).unwrap();
        assert!(!watched.refresh(), "{what}");
        assert_eq!(watched.country(), "FR", "{what}");
        watched.assert_shows("isobar_enrich_look_up_reload_failures_total{table=\"city\"} 1");
    }
}

#[test]
fn a_file_of_another_kind_is_not_taken_into_use() {
    let mut watched = Watched::new();
    for text in ["no database", "81.254.3.0,81.254.3.255,1,X\n"] {
        fs::write(watched.path("City"), text).unwrap();
        assert!(!watched.refresh());
    }
    fs::write(watched.path("asn.csv"), "81.254.3.0,81.254.3.255\n").unwrap();
    fs::write(watched.path("providers.toml"), "[providers]\nA = [1]\nB = [1]\n").unwrap();
    assert!(!watched.refresh());
    assert_eq!((watched.country().as_str(), watched.organisation().as_str()), ("FR", "Orange"));
    for (table, count) in [("city", 2), ("asn", 1), ("providers", 1)] {
        watched.assert_shows(&format!(
            "isobar_enrich_look_up_reload_failures_total{{table=\"{table}\"}} {count}"
        ));
    }
}

#[test]
fn a_file_that_stays_broken_is_retried() {
    let mut watched = Watched::new();
    fs::write(watched.path("City"), "broken").unwrap();
    for _ in 0..=RETRY {
        watched.refresh();
    }
    watched.assert_shows("isobar_enrich_look_up_reload_failures_total{table=\"city\"} 2");
}

#[test]
fn the_time_of_the_build_is_shown() {
    let watched = Watched::new();
    watched.sources.show_builds(&watched.metrics);
    let built = watched.sources.geo().city_label().replace("City@", "");
    let sample = "isobar_enrich_look_up_build_seconds{file=\"City\",table=\"city\"} ";
    watched.assert_shows(&format!("{sample}{built}"));
}
