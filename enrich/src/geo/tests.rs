#![allow(clippy::unwrap_used)]

use std::fs;

use mmdb_writer::{IpVersion, Writer};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::place::{nobody, nowhere};

/// Writes an MMDB file of type `name` and returns its path.
fn mmdb(
    folder: &TempDir,
    name: &str,
    version: IpVersion,
    records: &[(&str, Value)],
) -> std::path::PathBuf {
    let mut writer = Writer::builder(name).ip_version(version).build();
    for (network, record) in records {
        writer.insert(network.parse::<mmdb_writer::ipnet::IpNet>().unwrap(), record).unwrap();
    }
    let path = folder.path().join(name);
    fs::write(&path, writer.to_bytes().unwrap()).unwrap();
    path
}

fn place(continent: &str, country: &str, subdivision: &str, city: &str) -> Place {
    Place {
        continent: continent.to_owned(),
        country: country.to_owned(),
        subdivision: subdivision.to_owned(),
        city: city.to_owned(),
    }
}

fn provider(asn: i64, organisation: &str) -> Provider {
    Provider { asn, organisation: organisation.to_owned(), connection_type: "unknown".to_owned() }
}

/// The place of 198.51.100.1 by a record that covers it.
fn place_by(record: Value) -> Place {
    let folder = TempDir::new().unwrap();
    let path = mmdb(&folder, "city", IpVersion::V4, &[("198.51.100.0/24", record)]);
    let geo = Geo { city: vec![Mmdb::open(&path).unwrap()], asn: vec![] };
    geo.place("198.51.100.1".parse().unwrap()).unwrap().unwrap()
}

/// The provider of 198.51.100.1 by a record that covers it.
fn provider_by(record: Value) -> Provider {
    let folder = TempDir::new().unwrap();
    let path = mmdb(&folder, "asn", IpVersion::V6, &[("198.51.100.0/24", record)]);
    let geo = Geo { city: vec![], asn: vec![ProviderFile::open(&path).unwrap()] };
    geo.provider("198.51.100.1".parse().unwrap()).unwrap().unwrap()
}

#[test]
fn flat_records_of_dbip_lite_name_the_place_and_the_table_its_continent() {
    let record = json!({
        "city": "Mountain View", "country_code": "US", "latitude": 37.4, "longitude": -122.1,
        "postcode": "", "state1": "California", "state2": "", "timezone": "",
    });
    assert_eq!(place_by(record), place("NA", "US", "California", "Mountain View"));
}

#[test]
fn nested_records_of_maxmind_name_all_but_prefer_names_to_codes() {
    let record = json!({
        "city": {"geoname_id": 2_867_714, "names": {"de": "München", "en": "Munich"}},
        "continent": {"code": "EU", "geoname_id": 6_255_148, "names": {"en": "Europe"}},
        "country": {"geoname_id": 2_921_044, "iso_code": "DE", "names": {"en": "Germany"}},
        "location": {"accuracy_radius": 20, "latitude": 48.1, "longitude": 11.5},
        "registered_country": {"iso_code": "FR"},
        "subdivisions": [
            {"iso_code": "BY", "names": {"de": "Bayern", "en": "Bavaria"}},
            {"iso_code": "X", "names": {"en": "Upper Bavaria"}},
        ],
    });
    assert_eq!(place_by(record), place("EU", "DE", "Bavaria", "Munich"));
    let sparse = json!({"country": {"iso_code": "FR"}, "subdivisions": [{"iso_code": "IDF"}]});
    assert_eq!(place_by(sparse), place("EU", "FR", "IDF", "unknown"));
}

#[test]
fn flat_records_of_ipinfo_name_the_country_by_code_or_by_name_beside_the_code() {
    let location = json!({"city": "Osaka", "country": "JP", "region": "Osaka", "lat": "34.69"});
    assert_eq!(place_by(location), place("AS", "JP", "Osaka", "Osaka"));
    let lite = json!({
        "asn": "AS64500", "as_name": "Example", "as_domain": "example.com", "continent": "Europe",
        "continent_code": "EU", "country": "Germany", "country_code": "DE",
    });
    assert_eq!(place_by(lite.clone()), place("EU", "DE", "unknown", "unknown"));
    assert_eq!(provider_by(lite), provider(64500, "Example"));
}

#[test]
fn providers_are_read_from_numbers_and_from_ipinfos_text() {
    let organisation = "Deutsche Telekom AG";
    for record in [
        json!({"autonomous_system_number": 3320, "autonomous_system_organization": organisation}),
        json!({"asn": "AS3320", "name": organisation, "domain": "telekom.de", "route": "x"}),
        json!({"asn": "3320", "as_name": organisation}),
    ] {
        assert_eq!(provider_by(record), provider(3320, organisation));
    }
    assert_eq!(provider_by(json!({"name": ""})), nobody());
}

#[test]
fn reserved_codes_and_empty_texts_are_unknown() {
    let record = json!({"country_code": "ZZ", "city": "", "state1": ""});
    assert_eq!(place_by(record), nowhere());
}

#[test]
fn ipv4_and_ipv6_may_have_files_of_their_own_and_the_first_that_knows_is_believed() {
    let folder = TempDir::new().unwrap();
    let city = |name: &str| json!({"country_code": "DE", "city": name});
    let v4 = mmdb(&folder, "v4", IpVersion::V4, &[("198.51.100.0/24", city("four"))]);
    let v6 = mmdb(
        &folder,
        "v6",
        IpVersion::V6,
        &[("2001:db8::/32", city("six")), ("198.51.100.0/23", city("other"))],
    );
    let geo = Geo { city: vec![Mmdb::open(&v4).unwrap(), Mmdb::open(&v6).unwrap()], asn: vec![] };
    let city_of =
        |address: &str| geo.place(address.parse().unwrap()).unwrap().map(|place| place.city);
    assert_eq!(city_of("198.51.100.9").as_deref(), Some("four"));
    assert_eq!(city_of("198.51.101.9").as_deref(), Some("other"));
    assert_eq!(city_of("2001:db8::9").as_deref(), Some("six"));
    for absent in ["10.0.0.1", "192.168.1.1", "127.0.0.1", "fe80::1", "::1"] {
        assert_eq!(city_of(absent), None, "{absent}");
    }
}

#[test]
fn ranges_in_csv_serve_as_asn_data_and_both_kinds_are_labelled_by_their_edition() {
    let folder = TempDir::new().unwrap();
    let csv = folder.path().join("asn-ipv4.csv");
    fs::write(&csv, "198.51.100.0,198.51.100.255,64500,\"Example, Inc.\"\n").unwrap();
    let city = mmdb(&folder, "Test-City", IpVersion::V4, &[("198.51.100.0/24", json!({}))]);
    let geo = Geo {
        city: vec![Mmdb::open(&city).unwrap()],
        asn: vec![ProviderFile::open(&csv).unwrap()],
    };
    let found = geo.provider("198.51.100.1".parse().unwrap()).unwrap();
    assert_eq!(found, Some(provider(64500, "Example, Inc.")));
    let epoch = geo.city_label();
    assert!(epoch.strip_prefix("Test-City@").unwrap().parse::<u64>().unwrap() > 0, "{epoch}");
    let digest = geo.asn_label();
    assert_eq!(digest.strip_prefix("asn-ipv4.csv@").map(str::len), Some(8), "{digest}");
}

#[test]
fn a_record_of_another_shape_is_an_error_and_not_a_crash() {
    let folder = TempDir::new().unwrap();
    let record = json!({"country_code": 5, "subdivisions": "none"});
    let path = mmdb(&folder, "odd", IpVersion::V4, &[("198.51.100.0/24", record)]);
    let geo = Geo { city: vec![Mmdb::open(&path).unwrap()], asn: vec![] };
    assert!(geo.place("198.51.100.1".parse().unwrap()).is_err());
}
