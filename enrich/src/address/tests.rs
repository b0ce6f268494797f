#![allow(clippy::unwrap_used)]

use super::*;

#[track_caller]
fn assert_network(text: &str, expected: Option<&str>) {
    let network = parse(text).ok().map(|address| Network::of(address).to_string());
    assert_eq!(network.as_deref(), expected, "{text}");
}

#[track_caller]
fn assert_kind(expected: Kind, texts: &[&str]) {
    for text in texts {
        assert_eq!(parse(text).map_or_else(|kind| kind, kind), expected, "{text}");
    }
}

#[test]
fn an_address_leaves_as_its_24_or_48_at_most() {
    assert_network("203.0.113.77", Some("203.0.113.0/24"));
    assert_network("2001:db8:1:2:3:4:5:6", Some("2001:db8:1::/48"));
    assert_network(" 198.51.100.1 ", Some("198.51.100.0/24"));
    assert_network("fe80::1%eth0", Some("fe80::/48"));
}

#[test]
fn an_address_that_carries_an_ipv4_address_is_that_address() {
    let carried = "81.254.3.77".parse::<IpAddr>().unwrap();
    for text in [
        "::ffff:81.254.3.77",
        "::FFFF:51fe:34d",
        "64:ff9b::81.254.3.77",
        "2002:51fe:34d:1::9",
        "2001:0:4136:e378:8000:63bf:ae01:fcb2",
    ] {
        assert_eq!(parse(text), Ok(carried), "{text}");
    }
    assert_network("2002:51fe:34d::1", Some("81.254.3.0/24"));
    assert_kind(Kind::Private, &["::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::192.168.0.1"]);
    assert_kind(Kind::Shared, &["::ffff:100.64.0.1", "64:ff9b::100.127.255.255", "2002:6440:1::"]);
    assert_kind(Kind::Documentation, &["::ffff:203.0.113.9", "64:ff9b::192.0.2.33"]);
    assert_kind(Kind::Loopback, &["::ffff:127.0.0.1"]);
    assert_kind(Kind::Anonymised, &["::ffff:0.0.0.0", "64:ff9b::"]);
}

#[test]
fn an_invalid_address_has_a_reason() {
    assert_kind(Kind::Missing, &["", "  "]);
    assert_kind(Kind::Anonymised, &["0.0.0.0", "::", "redacted", "REDACTED", "0.0.0.0 "]);
    assert_kind(Kind::Anonymised, &["4f5c9e7a-3c1d-4a0e-9a44-8e1f4f1c2d3b.local", "X.Local"]);
    assert_kind(Kind::Unreadable, &["host.example", "203.0.113", "203.0.113.7:https", ".local"]);
    assert_kind(Kind::Unreadable, &["[2001:db8::1", "[2001:db8::1]443", "ünicöde☃☃", "10.0.0.0/8"]);
    assert_kind(Kind::Unreadable, &["203.0.113.7:65536", "203.0.113.7:+44", ":443", "[]:443"]);
    assert_kind(Kind::Anonymised, &["unknown", "for=_hidden", "for=unknown;proto=https"]);
}

#[test]
fn a_port_a_zone_and_brackets_are_left_out() {
    let v4 = "81.254.3.77".parse::<IpAddr>().unwrap();
    for text in ["81.254.3.77:51234", "/81.254.3.77:443", "[81.254.3.77]", "::ffff:81.254.3.77:9"] {
        assert_eq!(parse(text), Ok(v4), "{text}");
    }
    let v6 = "2a01:cb00::7".parse::<IpAddr>().unwrap();
    for text in [
        "[2a01:cb00::7]:443",
        "[2a01:cb00::7]",
        "[2a01:cb00::7%25eth0]:443",
        "2a01:cb00::7%3",
        "2a01:cb00:0:0:0:0:0:7:51234",
    ] {
        assert_eq!(parse(text), Ok(v6), "{text}");
    }
    // An address of eight groups with `::` is accepted.
    assert_eq!(parse("2a01:cb00::7:443"), Ok("2a01:cb00::7:443".parse().unwrap()));
}

#[test]
fn the_first_public_address_of_a_list_is_the_clients() {
    let client = "81.254.3.77".parse::<IpAddr>().unwrap();
    for text in [
        "81.254.3.77, 80.1.2.3, 10.0.0.1",
        "81.254.3.77,80.1.2.3",
        "10.1.2.3, 81.254.3.77:4711, 80.1.2.3",
        "unknown, 81.254.3.77",
        "for=81.254.3.77;proto=https;by=80.1.2.3, for=10.0.0.1",
        "proto=https; For=\"81.254.3.77:4711\"",
        "::ffff:10.0.0.1, 81.254.3.77",
    ] {
        assert_eq!(parse(text), Ok(client), "{text}");
    }
    let v6 = "2a01:cb00::17".parse::<IpAddr>().unwrap();
    assert_eq!(parse("for=\"[2a01:cb00::17]:4711\""), Ok(v6));
    assert_kind(Kind::Private, &["10.0.0.1, 192.168.0.1", "unknown, 10.0.0.1, ::1"]);
    assert_kind(Kind::Unreadable, &["a, b", "203.0.113,unknown"]);
    assert_kind(Kind::Missing, &[",", " , "]);
}

#[test]
fn special_addresses_are_no_places_and_their_neighbours_are() {
    assert_kind(Kind::Private, &["10.0.0.0", "172.16.0.1", "172.31.255.255", "192.168.1.1"]);
    assert_kind(Kind::Private, &["fec0::1", "64:ff9b:1::1"]);
    assert_kind(Kind::Shared, &["100.64.0.0", "100.127.255.255"]);
    assert_kind(Kind::Loopback, &["127.0.0.1", "127.255.255.255", "::1"]);
    assert_kind(Kind::LinkLocal, &["169.254.1.1", "fe80::1", "febf::1", "fe80::1%3"]);
    assert_kind(Kind::UniqueLocal, &["fc00::1", "fd12:3456::1"]);
    assert_kind(Kind::Multicast, &["224.0.0.1", "239.255.255.255", "ff02::1"]);
    assert_kind(Kind::Documentation, &["192.0.2.1", "198.51.100.1", "203.0.113.1"]);
    assert_kind(Kind::Documentation, &["2001:db8::1", "3fff:fff::1"]);
    assert_kind(Kind::Reserved, &["0.0.0.1", "198.18.0.1", "198.19.255.255", "240.0.0.1"]);
    assert_kind(Kind::Reserved, &["255.255.255.255", "192.0.0.9", "192.88.99.1", "::2"]);
    assert_kind(Kind::Reserved, &["100::1", "2001:2::1", "2001:20::1", "5f00::1", "4000::1"]);
    assert_kind(Kind::Public, &["1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255"]);
    assert_kind(Kind::Public, &["100.128.0.0", "172.15.0.1", "172.32.0.0", "192.0.1.1"]);
    assert_kind(Kind::Public, &["198.17.0.1", "198.20.0.0", "223.255.255.255", "81.254.3.0"]);
    assert_kind(Kind::Public, &["2001:200::1", "2001:db7::1", "2001:db9::1", "2a00::1"]);
    assert_kind(Kind::Public, &["3fff:1000::1", "2003:da8::", "2000::1"]);
}

#[test]
fn names_in_metrics_are_distinct() {
    let mut names = Kind::ALL.map(Kind::name).to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Kind::ALL.len());
}
