#![allow(clippy::unwrap_used)]

use std::fs;

use mmdb_writer::IpVersion;
use prometheus::TextEncoder;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::geo::tests::mmdb;

/// Files that contain every address.
struct Files {
    folder: TempDir,
    settings: EnrichSettings,
    registry: Registry,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let everywhere = |record: serde_json::Value| {
            [("0.0.0.0/0", record.clone()), ("8000::/1", record.clone()), ("2000::/3", record)]
        };
        let file = |name: &str, record: serde_json::Value| {
            vec![mmdb(&folder, name, IpVersion::V6, &everywhere(record))]
        };
        let settings = EnrichSettings {
            city: file("City", json!({"country": {"iso_code": "FR"}})),
            asn: file("ISP", json!({"autonomous_system_number": 3215, "isp": "Orange"})),
            connection_type: file("Connection-Type", json!({"connection_type": "Cellular"})),
            relay_networks: vec![
                "81.254.3.0/28".parse().unwrap(),
                "2a01:c000::/32".parse().unwrap(),
            ],
            ..EnrichSettings::default()
        };
        Self { folder, settings, registry: Registry::new() }
    }

    fn locator(&self) -> Locator {
        Locator::open(&self.settings, &self.registry).unwrap()
    }
}

#[test]
fn a_public_address_has_place_provider_and_connection_type() {
    let files = Files::new();
    let mut locator = files.locator();
    for (address, network) in [
        ("81.254.3.77", "81.254.3.0/24"),
        ("::ffff:81.254.3.77", "81.254.3.0/24"),
        ("81.254.4.0", "81.254.4.0/24"),
        ("2002:51fe:34d::1", "81.254.3.0/24"),
        ("2a01:c001:2:3::4", "2a01:c001:2::/48"),
    ] {
        let located = locator.locate(address);
        let origin = &located.origin;
        assert_eq!((origin.kind, located.network().as_str()), (Kind::Public, network));
        assert_eq!((origin.place.country.as_str(), origin.provider.asn), ("FR", 3215));
        assert_eq!(origin.provider.organisation, "Orange");
        assert_eq!(origin.source, PlaceSource::Address);
        assert_eq!(origin.provider.connection_type, "Cellular");
    }
}

#[test]
fn addresses_that_are_no_public_ones_are_not_looked_up() {
    let files = Files::new();
    let mut locator = files.locator();
    for (address, kind, network) in [
        ("10.1.2.3", Kind::Private, "10.1.2.0/24"),
        ("::ffff:10.1.2.3", Kind::Private, "10.1.2.0/24"),
        ("100.64.1.2", Kind::Shared, "100.64.1.0/24"),
        ("203.0.113.9", Kind::Documentation, "203.0.113.0/24"),
        ("127.0.0.1", Kind::Loopback, "127.0.0.0/24"),
        ("fe80::1%eth0", Kind::LinkLocal, "fe80::/48"),
        ("fd00:1:2:3::4", Kind::UniqueLocal, "fd00:1:2::/48"),
        ("224.0.0.5", Kind::Multicast, "224.0.0.0/24"),
        ("0.0.0.0", Kind::Anonymised, ""),
        ("::", Kind::Anonymised, ""),
        ("redacted", Kind::Anonymised, ""),
        ("", Kind::Missing, ""),
        ("somewhere", Kind::Unreadable, ""),
        ("81.254.3.15", Kind::Relay, ""),
        ("::ffff:81.254.3.15", Kind::Relay, ""),
        ("2a01:c000::17", Kind::Relay, ""),
    ] {
        let located = locator.locate(address);
        let origin = &located.origin;
        assert_eq!((origin.kind, located.network().as_str()), (kind, network), "{address}");
        assert_eq!(
            (&*origin.place, &*origin.provider),
            (&place::unknown_place(), &place::unknown_provider())
        );
        assert_eq!(origin.source, PlaceSource::Unknown);
    }
    let text = TextEncoder::new().encode_to_string(&files.registry.gather()).unwrap();
    let look_ups = text.lines().filter(|line| line.starts_with("isobar_enrich_look_ups_total{"));
    assert_eq!(look_ups.filter(|line| !line.ends_with(" 0")).count(), 0, "{text}");
}

#[test]
fn a_group_is_the_provider_of_its_autonomous_systems_and_keeps_the_number() {
    let mut files = Files::new();
    let path = files.folder.path().join("providers.toml");
    fs::write(&path, "[providers]\n\"Orange France\" = [3215, 5511]\n").unwrap();
    files.settings.providers = Some(path);
    let origin = files.locator().locate("81.254.3.77").origin;
    assert_eq!(
        (origin.provider.organisation.as_str(), origin.provider.asn),
        ("Orange France", 3215)
    );
}

#[test]
fn a_claimed_provider_is_grouped_too() {
    let mut files = Files::new();
    let path = files.folder.path().join("providers.toml");
    fs::write(&path, "[providers]\nOrange = [3215, 5511]\n").unwrap();
    files.settings.providers = Some(path);
    let claim = Claim { asn: Some(5511), ..Claim::default() };
    let (place, provider) = files.locator().claimed(&claim).unwrap();
    assert_eq!((place, provider.organisation.as_str()), (place::unknown_place(), "Orange"));
}

#[test]
fn isp_data_has_the_connection_type_where_no_other_file_does() {
    let mut files = Files::new();
    let record = json!({"traits": {"isp": "Orange", "connection_type": "Cable/DSL"}});
    let networks = [("81.254.3.0/24", record)];
    files.settings.asn = vec![mmdb(&files.folder, "Location", IpVersion::V4, &networks)];
    let connection_type = |settings: &EnrichSettings| {
        let mut locator = Locator::open(settings, &Registry::new()).unwrap();
        locator.locate("81.254.3.77").origin.provider.connection_type.clone()
    };
    assert_eq!(connection_type(&files.settings), "Cellular");
    files.settings.connection_type.clear();
    assert_eq!(connection_type(&files.settings), "Cable/DSL");
}

#[test]
fn a_cached_address_is_looked_up_again_only_in_other_files() {
    let files = Files::new();
    let mut locator = files.locator();
    let first = locator.locate("81.254.3.77");
    assert_eq!(locator.locate("::ffff:81.254.3.77"), first);
    // The files have one record; a cached address is not looked up in them again.
    let text = TextEncoder::new().encode_to_string(&files.registry.gather()).unwrap();
    let found = "isobar_enrich_look_ups_total{outcome=\"found\",table=\"city\"} 1\n";
    assert!(text.contains(found), "{text}");
    locator.look_up_in(Geo::default());
    assert_eq!(*locator.locate("81.254.3.77").origin.place, place::unknown_place());
}

#[test]
fn a_cached_look_up_is_small() {
    assert!(size_of::<(IpAddr, Origin)>() <= 48, "{}", size_of::<(IpAddr, Origin)>());
}

#[test]
fn the_cache_is_bounded() {
    let mut files = Files::new();
    files.settings.address_cache = 100;
    let mut locator = files.locator();
    for host in 0..10_000_u32 {
        locator.locate(&format!("81.{}.{}.1", host >> 8, host & 255));
    }
    assert!((50..=100).contains(&locator.remembered.len()), "{}", locator.remembered.len());
}
