#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use mmdb_writer::{IpVersion, RecordSize, Writer};
use schemas::UNKNOWN;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::place::{HasData as _, unknown_place, unknown_provider};

/// Writes an MMDB file of type `name` and returns its path.
pub(crate) fn mmdb(
    folder: &TempDir,
    name: &str,
    version: IpVersion,
    records: &[(&str, Value)],
) -> PathBuf {
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

/// Returns the place of an address.
pub(crate) fn place_of(geo: &Geo, address: IpAddr) -> Result<Option<Place>, MaxMindDbError> {
    geo.place(address)?.map(|entry| entry.read()).transpose()
}

/// The only record of a file, read as each kind of look-up data.
struct Read {
    place: Place,
    provider: Provider,
    connection_type: Option<String>,
}

/// Returns the look-up results; the connection type is looked up separately.
fn read(record: Value) -> Read {
    let folder = TempDir::new().unwrap();
    let path = mmdb(&folder, "data", IpVersion::V6, &[("81.254.3.0/24", record)]);
    let geo = Geo {
        city: vec![Arc::new(Mmdb::open(&path).unwrap())],
        asn: vec![Arc::new(ProviderFile::open(&path).unwrap())],
        connection_type: vec![Arc::new(Mmdb::open(&path).unwrap())],
        providers: None,
    };
    let address = "81.254.3.1".parse().unwrap();
    let mut provider = geo.provider(address).unwrap().unwrap().read().unwrap();
    let connection_type = geo.connection_type(address).unwrap();
    let reported = std::mem::replace(&mut provider.connection_type, UNKNOWN.to_owned());
    assert_eq!(Some(reported).filter(|reported| reported != UNKNOWN), connection_type);
    Read { place: place_of(&geo, address).unwrap().unwrap(), provider, connection_type }
}

#[test]
fn maxminds_city_and_country_data_name_the_place_by_code_and_english_name() {
    let city = json!({
        "city": {"geoname_id": 2_867_714, "names": {"de": "München", "en": "Munich"}},
        "continent": {"code": "EU", "geoname_id": 6_255_148, "names": {"en": "Europe"}},
        "country": {
            "geoname_id": 2_921_044, "is_in_european_union": true, "iso_code": "DE",
            "names": {"en": "Germany", "ja": "ドイツ連邦共和国"},
        },
        "location": {"accuracy_radius": 20, "latitude": 48.1, "longitude": 11.5},
        "postal": {"code": "80331"},
        "registered_country": {"iso_code": "FR"},
        "subdivisions": [
            {"iso_code": "BY", "names": {"de": "Bayern", "en": "Bavaria"}},
            {"iso_code": "X", "names": {"en": "Upper Bavaria"}},
        ],
    });
    let found = read(city);
    assert_eq!(found.place, place("EU", "DE", "DE-BY", "Munich"));
    assert_eq!((found.provider, found.connection_type), (unknown_provider(), None));
    let country = json!({
        "continent": {"code": "SA", "geoname_id": 6_255_150, "names": {"en": "South America"}},
        "country": {"geoname_id": 3_469_034, "iso_code": "BR", "names": {"en": "Brazil"}},
        "registered_country": {"iso_code": "BR"},
    });
    assert_eq!(read(country).place, place("SA", "BR", "unknown", "unknown"));
}

#[test]
fn a_subdivision_without_a_code_of_isos_keeps_its_name() {
    let of = |subdivision: Value| {
        let record = json!({"country": {"iso_code": "DE"}, "subdivisions": [subdivision]});
        read(record).place.subdivision
    };
    assert_eq!(of(json!({"iso_code": "BE", "names": {"en": "Land Berlin"}})), "DE-BE");
    assert_eq!(of(json!({"iso_code": "QQ", "names": {"en": "Land Berlin"}})), "Land Berlin");
    assert_eq!(of(json!({"names": {"en": "Land Berlin"}})), "Land Berlin");
    assert_eq!(of(json!({"iso_code": "QQ"})), "QQ");
    let countryless = json!({"city": "X", "subdivisions": [{"iso_code": "BE"}]});
    assert_eq!(read(countryless).place.subdivision, "BE");
}

#[test]
fn maxminds_asn_isp_connection_type_and_enterprise_data_name_the_provider() {
    let asn = json!({
        "autonomous_system_number": 3320,
        "autonomous_system_organization": "Deutsche Telekom AG",
    });
    let found = read(asn);
    assert_eq!(found.provider, provider(3320, "Deutsche Telekom AG"));
    assert_eq!((found.place, found.connection_type), (unknown_place(), None));
    let isp = json!({
        "autonomous_system_number": 1221,
        "autonomous_system_organization": "Telstra Pty Ltd",
        "isp": "Telstra Internet",
        "mobile_country_code": "505",
        "mobile_network_code": "001",
        "organization": "Some customer",
    });
    assert_eq!(read(isp).provider, provider(1221, "Telstra Internet"));
    let connection_type = read(json!({"connection_type": "Cable/DSL"}));
    assert_eq!(connection_type.connection_type.as_deref(), Some("Cable/DSL"));
    assert_eq!(connection_type.provider, unknown_provider());
    let enterprise = read(json!({
        "country": {"confidence": 99, "iso_code": "US"},
        "traits": {
            "autonomous_system_number": 7922,
            "autonomous_system_organization": "Comcast Cable Communications, LLC",
            "connection_type": "Cable/DSL", "isp": "Comcast", "organization": "Comcast",
            "user_type": "residential", "static_ip_score": 1.5,
        },
    }));
    assert_eq!(enterprise.place.country, "US");
    assert_eq!(enterprise.provider, provider(7922, "Comcast"));
    assert_eq!(enterprise.connection_type.as_deref(), Some("Cable/DSL"));
}

#[test]
fn dbips_city_asn_and_location_with_isp_data_are_read() {
    let npm_lite = json!({
        "city": "Mountain View", "country_code": "US", "latitude": 37.4, "longitude": -122.1,
        "postcode": "", "state1": "California", "state2": "", "timezone": "",
    });
    assert_eq!(read(npm_lite).place, place("NA", "US", "California", "Mountain View"));
    let lite = json!({
        "city": {"names": {"en": "Mountain View"}},
        "continent": {"code": "NA", "geoname_id": 6_255_149, "names": {"en": "North America"}},
        "country": {
            "geoname_id": 6_252_001, "is_in_european_union": false, "iso_code": "US",
            "names": {"en": "United States"},
        },
        "location": {"latitude": 37.4, "longitude": -122.1},
        "subdivisions": [{"names": {"en": "California"}}],
    });
    assert_eq!(read(lite.clone()).place, place("NA", "US", "California", "Mountain View"));
    let mut location_isp = lite;
    location_isp["subdivisions"][0]["iso_code"] = json!("CA");
    location_isp["traits"] = json!({
        "autonomous_system_number": 15169, "autonomous_system_organization": "Google LLC",
        "connection_type": "Corporate", "isp": "Google LLC", "organization": "Google Cloud",
        "user_type": "hosting",
    });
    let found = read(location_isp);
    assert_eq!(found.place, place("NA", "US", "US-CA", "Mountain View"));
    assert_eq!(found.provider, provider(15169, "Google LLC"));
    assert_eq!(found.connection_type.as_deref(), Some("Corporate"));
}

#[test]
fn ipinfos_lite_location_asn_and_company_data_are_read() {
    let lite = json!({
        "asn": "AS64500", "as_name": "Example", "as_domain": "example.com", "continent": "Europe",
        "continent_code": "EU", "country": "Germany", "country_code": "DE",
    });
    let found = read(lite);
    assert_eq!(found.place, place("EU", "DE", "unknown", "unknown"));
    assert_eq!(found.provider, provider(64500, "Example"));
    let location = json!({
        "city": "Osaka", "country": "JP", "geoname_id": "1853909", "lat": "34.69",
        "lng": "135.50", "postal_code": "543-0062", "region": "Osaka", "timezone": "Asia/Tokyo",
    });
    assert_eq!(read(location).place, place("AS", "JP", "Osaka", "Osaka"));
    let core = json!({
        "city": "San Jose", "region": "California", "region_code": "CA", "country": "United States",
        "country_code": "US", "continent": "North America", "continent_code": "NA",
        "asn": "AS7018", "as_name": "AT&T Services, Inc.", "as_type": "isp",
    });
    let found = read(core);
    assert_eq!(found.place, place("NA", "US", "US-CA", "San Jose"));
    assert_eq!(found.provider, provider(7018, "AT&T Services, Inc."));
    let asn = json!({
        "asn": "AS3320", "country": "DE", "domain": "telekom.de", "name": "Deutsche Telekom AG",
        "route": "80.128.0.0/11", "type": "isp",
    });
    assert_eq!(read(asn).provider, provider(3320, "Deutsche Telekom AG"));
    let company = json!({
        "name": "A bakery", "domain": "bakery.example", "type": "business", "asn": "AS7018",
        "as_name": "AT&T Services, Inc.", "as_domain": "att.com", "as_type": "isp", "country": "US",
    });
    assert_eq!(read(company).provider, provider(7018, "AT&T Services, Inc."));
}

#[test]
fn reserved_codes_continents_names_and_empty_texts_are_unknown() {
    for record in [
        json!({"country_code": "ZZ", "city": "", "state1": ""}),
        json!({"country": {"iso_code": "EU"}, "continent": "Europe"}),
        json!({"country": "Germany"}),
        json!({"continent": {"code": "XX"}, "country": {"iso_code": "A1"}}),
    ] {
        assert_eq!(read(record).place, unknown_place());
    }
    assert_eq!(read(json!({"name": "", "isp": "", "asn": "AS?"})).provider, unknown_provider());
    assert_eq!(read(json!({"country_code": "XK"})).place.country, "XK");
}

#[test]
fn trees_of_both_versions_and_all_record_sizes_are_read() {
    let (inside, outside) = ("81.254.3.200", "81.254.4.1");
    for version in [IpVersion::V4, IpVersion::V6] {
        for size in [RecordSize::Bits24, RecordSize::Bits28, RecordSize::Bits32] {
            let mut writer = Writer::builder("City").ip_version(version).record_size(size).build();
            let mut insert = |network: &str, country: &str| {
                let network = network.parse::<mmdb_writer::ipnet::IpNet>().unwrap();
                writer.insert(network, &json!({"country_code": country})).unwrap();
            };
            insert("81.254.3.0/24", "FR");
            insert("81.254.3.0/25", "DE");
            if matches!(version, IpVersion::V6) {
                insert("2a01:c000::/20", "ES");
            }
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), writer.to_bytes().unwrap()).unwrap();
            let mmdb = Mmdb::open(file.path()).unwrap();
            mmdb.check::<CityRecord<'_>>(Depth::Whole).unwrap();
            let geo = Geo { city: vec![Arc::new(mmdb)], ..Geo::default() };
            let country = |address: &str| {
                place_of(&geo, address.parse().unwrap()).unwrap().map(|place| place.country)
            };
            assert_eq!(country("81.254.3.1").as_deref(), Some("DE"), "{version:?} {size:?}");
            assert_eq!(country(inside).as_deref(), Some("FR"), "{version:?} {size:?}");
            assert_eq!(country(outside), None, "{version:?} {size:?}");
            let v6 = matches!(version, IpVersion::V6).then_some("ES");
            assert_eq!(country("2a01:cfff::1").as_deref(), v6, "{version:?} {size:?}");
        }
    }
}

#[test]
fn ipv4_and_ipv6_may_have_separate_files_and_the_first_match_wins() {
    let folder = TempDir::new().unwrap();
    let city = |name: &str| json!({"country_code": "DE", "city": name});
    let v4 = mmdb(&folder, "v4", IpVersion::V4, &[("81.254.2.0/24", city("four"))]);
    let v6 = mmdb(
        &folder,
        "v6",
        IpVersion::V6,
        &[("2a01:c000::/20", city("six")), ("81.254.2.0/23", city("other"))],
    );
    let geo = Geo {
        city: [v4, v6].iter().map(|path| Arc::new(Mmdb::open(path).unwrap())).collect(),
        ..Geo::default()
    };
    let city_of =
        |address: &str| place_of(&geo, address.parse().unwrap()).unwrap().map(|place| place.city);
    assert_eq!(city_of("81.254.2.9").as_deref(), Some("four"));
    assert_eq!(city_of("81.254.3.9").as_deref(), Some("other"));
    assert_eq!(city_of("2a01:c000::9").as_deref(), Some("six"));
    for absent in ["81.254.1.255", "81.254.4.0", "2a02::1"] {
        assert_eq!(city_of(absent), None, "{absent}");
    }
}

#[test]
fn csv_ranges_are_valid_asn_data_and_files_are_labelled_by_edition() {
    let folder = TempDir::new().unwrap();
    let csv = folder.path().join("asn-ipv4.csv");
    fs::write(&csv, "81.254.3.0,81.254.3.255,64500,\"Example, Inc.\"\n").unwrap();
    let city = mmdb(&folder, "Test-City", IpVersion::V4, &[("81.254.3.0/24", json!({}))]);
    let groups = folder.path().join("groups.toml");
    fs::write(&groups, "providers.Example = [64500]").unwrap();
    let geo = Geo {
        city: vec![Arc::new(Mmdb::open(&city).unwrap())],
        asn: vec![Arc::new(ProviderFile::open(&csv).unwrap())],
        connection_type: vec![Arc::new(Mmdb::open(&city).unwrap())],
        providers: Some(Arc::new(Groups::open(&groups).unwrap())),
    };
    let mut found = geo.provider("81.254.3.1".parse().unwrap()).unwrap().unwrap().read().unwrap();
    assert_eq!(found, provider(64500, "Example, Inc."));
    geo.group(&mut found);
    assert_eq!(found, provider(64500, "Example"));
    let epoch = geo.city_label();
    assert!(epoch.strip_prefix("Test-City@").unwrap().parse::<u64>().unwrap() > 0, "{epoch}");
    let label = geo.asn_label();
    let [csv, connection, groups] = label.split('+').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(csv.strip_prefix("asn-ipv4.csv@").map(str::len), Some(8), "{csv}");
    assert_eq!(connection, epoch);
    assert_eq!(groups.strip_prefix("groups.toml@").map(str::len), Some(8), "{groups}");
}

#[test]
fn a_record_of_another_shape_is_an_error_and_not_a_crash() {
    let folder = TempDir::new().unwrap();
    let record = json!({"country_code": 5, "subdivisions": "none"});
    let path = mmdb(&folder, "odd", IpVersion::V4, &[("81.254.3.0/24", record)]);
    let geo = Geo { city: vec![Arc::new(Mmdb::open(&path).unwrap())], ..Geo::default() };
    assert!(place_of(&geo, "81.254.3.1".parse().unwrap()).is_err());
}

#[test]
fn a_file_of_another_kind_is_refused_with_its_kind() {
    let folder = TempDir::new().unwrap();
    let asn = json!({"autonomous_system_number": 1, "autonomous_system_organization": "One"});
    let city = json!({"country_code": "FR"});
    let asn = mmdb(&folder, "Test-ASN", IpVersion::V6, &[("81.254.3.0/24", asn)]);
    let city = mmdb(&folder, "Test-City", IpVersion::V6, &[("81.254.3.0/24", city)]);
    for depth in [Depth::Sample, Depth::Whole] {
        let error =
            Mmdb::open(&asn).unwrap().check::<CityRecord<'_>>(depth).unwrap_err().to_string();
        assert!(error.contains("none of ") && error.contains("\"Test-ASN\""), "{error}");
        assert!(ProviderFile::open(&city).unwrap().check(depth).is_err());
        assert!(Mmdb::open(&city).unwrap().check::<ConnectionRecord<'_>>(depth).is_err());
        ProviderFile::open(&asn).unwrap().check(depth).unwrap();
        Mmdb::open(&city).unwrap().check::<CityRecord<'_>>(depth).unwrap();
    }
    assert!(!CityRecord::default().has_data());
}
