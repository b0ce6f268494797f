#![allow(clippy::unwrap_used)]

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
fn both_ends_of_a_range_belong_to_it_and_gaps_belong_to_nobody() {
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
        ("1.0.0.0,1.0.0.255,13335,A\n1.0.1.0,1.0.1.255,5,Orga", "line 2: no line break"),
    ] {
        let error = Ranges::read(csv.as_bytes()).unwrap_err();
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
