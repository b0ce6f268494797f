#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const CSV: &str = "\
1.0.4.0,1.0.7.255,38803,Gtelecom Pty Ltd
1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"
2.26.200.0,2.26.215.255,201907,\"LLC \"\"SPUTNIK\"\"\"
2001::,2001::ffff:ffff:ffff:ffff:ffff:ffff,6939,Hurricane Electric LLC
9.9.9.0,9.9.9.255,64500,\"\"
";

fn provider(csv: &str, address: &str) -> Option<(i64, String)> {
    let ranges = Ranges::read(csv.as_bytes()).unwrap();
    let found = ranges.at(ranges.position(address.parse().unwrap())?);
    Some((found.asn, found.organisation.clone()))
}

#[test]
fn a_range_includes_both_ends_and_gaps_have_no_provider() {
    let gtelecom = Some((38803, "Gtelecom Pty Ltd".to_owned()));
    assert_eq!(provider(CSV, "1.0.4.0"), gtelecom);
    assert_eq!(provider(CSV, "1.0.7.255"), gtelecom);
    for gap in ["0.0.0.0", "1.0.3.255", "1.0.8.0", "255.255.255.255", "2001:1::", "::"] {
        assert_eq!(provider(CSV, gap), None, "{gap}");
    }
    let hurricane = Some((6939, "Hurricane Electric LLC".to_owned()));
    assert_eq!(provider(CSV, "2001::1"), hurricane);
}

#[test]
fn quoted_names_are_unquoted_and_an_empty_one_is_unknown() {
    assert_eq!(provider(CSV, "1.0.0.1"), Some((13335, "Cloudflare, Inc.".to_owned())));
    assert_eq!(provider(CSV, "2.26.201.1"), Some((201_907, "LLC \"SPUTNIK\"".to_owned())));
    assert_eq!(provider(CSV, "9.9.9.9"), Some((64500, "unknown".to_owned())));
}

#[test]
fn a_line_that_is_no_range_is_named_by_its_number() {
    for (csv, line) in [
        ("", "no lines"),
        ("first,last,asn,organisation\n", "line 1: "),
        ("1.0.0.0,1.0.0.255,13335,A\n1.0.1.0,1.0.1.255,AS5,B\n", "line 2: "),
        ("1.0.0.0,2001::,13335,A\n", "line 1: from IPv4 to IPv6"),
        ("1.0.0.9,1.0.0.8,13335,A\n", "line 1: the last address is before the first"),
        ("1.0.0.0,1.0.0.255,13335,A\n1.0.1.0,1.0.1.255,5,Orga", "line 2: no line break"),
    ] {
        let error = Ranges::read(csv.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(line), "{error}");
    }
}

#[test]
fn lines_may_end_as_on_windows() {
    assert_eq!(provider(&CSV.replace('\n', "\r\n"), "1.0.4.0"), provider(CSV, "1.0.4.0"));
}

#[test]
fn a_file_that_is_cut_off_anywhere_but_between_two_lines_is_refused() {
    for at in (1..CSV.len()).filter(|at| !CSV[..*at].ends_with('\n')) {
        assert!(Ranges::read(&CSV.as_bytes()[..at]).is_err(), "cut off at {at}");
    }
}

#[test]
fn another_edition_has_another_digest() {
    let digest = |csv: &str| Ranges::read(csv.as_bytes()).unwrap().digest();
    assert_eq!(digest(CSV), digest(CSV));
    assert_ne!(digest(CSV), digest(&CSV.replace("Gtelecom", "Htelecom")));
}

#[test]
fn an_address_belongs_to_the_smallest_range_that_contains_it() {
    let csv = "\
10.0.0.0,10.255.255.255,1,Carrier
10.1.0.0,10.1.255.255,2,Reseller
10.1.2.0,10.1.2.255,3,Customer
10.1.2.0,10.1.2.255,4,Customer's heir
10.1.255.0,10.2.0.255,5,Neighbour
::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,6,All
2001:db8::,2001:db8::ffff,7,Few
255.255.255.255,255.255.255.255,8,Last
";
    let asn = |address| provider(csv, address).map(|(asn, _)| asn);
    for (address, wanted) in [
        ("9.255.255.255", None),
        ("10.0.0.0", Some(1)),
        ("10.1.0.0", Some(2)),
        ("10.1.1.255", Some(2)),
        ("10.1.2.0", Some(4)),
        ("10.1.2.255", Some(4)),
        ("10.1.3.0", Some(2)),
        ("10.1.254.255", Some(2)),
        ("10.1.255.0", Some(5)),
        ("10.2.0.255", Some(5)),
        ("10.2.1.0", Some(1)),
        ("10.255.255.255", Some(1)),
        ("11.0.0.0", None),
        ("255.255.255.255", Some(8)),
        ("::", Some(6)),
        ("2001:db8::ffff", Some(7)),
        ("2001:db8::1:0", Some(6)),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(6)),
    ] {
        assert_eq!(asn(address), wanted, "{address}");
    }
}

#[test]
fn a_long_list_in_one_range_takes_hardly_more_room() {
    let line = |n: u32| (Ipv4Addr::from(n * 1000), Ipv4Addr::from(n * 1000 + 255), n % 977);
    let mut ranges: Vec<_> = (0..500_000).map(line).collect();
    assert_eq!(disjoint(ranges.clone()), ranges);
    ranges.push((Ipv4Addr::from(0), Ipv4Addr::from(u32::MAX), 1_000));
    let reported = disjoint(ranges);
    // One for each, and the rest after it.
    assert_eq!(reported.len(), 1_000_000);
    assert_eq!(reported.capacity(), reported.len());
    assert_eq!(find(&reported, Ipv4Addr::from(7_255)), Some(7));
    assert_eq!(find(&reported, Ipv4Addr::from(7_256)), Some(1_000));
}

/// Reference look-up: compares an address with every range.
fn naive<A: Copy + Ord + Into<u128>>(ranges: &[(A, A, u32)], address: u128) -> Option<u32> {
    let of = ranges.iter().map(|(first, last, of)| ((*first).into(), (*last).into(), *of));
    let holding = of.filter(|(first, last, _)| (*first..=*last).contains(&address));
    let key = |(first, last, _): &(u128, u128, u32)| (*last - *first, u128::MAX - *first);
    // Of equal items min_by_key returns the first.
    holding.collect::<Vec<_>>().into_iter().rev().min_by_key(key).map(|(.., of)| of)
}

fn lists() -> impl Strategy<Value = Vec<(u8, u8, u32)>> {
    let range = (any::<u8>(), any::<u8>(), 0_u32..6);
    let small =
        (any::<u8>(), 0_u8..12, 0_u32..6).prop_map(|(a, n, of)| (a, a.saturating_add(n), of));
    let range = prop_oneof![range, small].prop_map(|(a, b, of)| (a.min(b), a.max(b), of));
    prop::collection::vec(range, 0..24)
}

proptest! {
    /// Includes both ends of the address space, where numbers could overflow.
    #[test]
    fn a_look_up_finds_the_same_as_a_full_scan(list in lists(), top in any::<bool>()) {
        let v4 = |a: u8| Ipv4Addr::from(u32::from(a) + if top { u32::MAX - 255 } else { 0 });
        let v6 = |a: u8| Ipv6Addr::from(u128::from(a) + if top { u128::MAX - 255 } else { 0 });
        let of_v4 = disjoint(list.iter().map(|(a, b, of)| (v4(*a), v4(*b), *of)).collect());
        let of_v6 = disjoint(list.iter().map(|(a, b, of)| (v6(*a), v6(*b), *of)).collect());
        for address in 0..=u8::MAX {
            let wanted = naive(&list, address.into());
            prop_assert_eq!(find(&of_v4, v4(address)), wanted, "{}", address);
            prop_assert_eq!(find(&of_v6, v6(address)), wanted, "{}", address);
        }
        prop_assert!(of_v4.is_sorted_by(|(_, last, _), (first, ..)| last < first));
        prop_assert!(of_v4.len() <= (2 * list.len()).saturating_sub(1));
    }
}
