use schemas::UNKNOWN;

use super::*;

const LIMITS: Limits = Limits { cells: 9, sessions: 9, intervals: 9, session_values: 2, values: 3 };

struct Session {
    participant: &'static str,
    admitted: Option<Admitted>,
    kept: Kept,
}

struct Block {
    values: Values,
    names: Interner,
}

impl Block {
    fn new() -> Self {
        Self { values: Values::new(LIMITS), names: Interner::default() }
    }

    /// Returns the values under which a session's report counts after `change`.
    fn report(
        &mut self,
        session: &mut Session,
        change: impl FnOnce(&mut EnrichedReport),
    ) -> (Admitted, Capped) {
        let mut report = EnrichedReport {
            app: "meet".to_owned(),
            participant: session.participant.to_owned(),
            edge: "fra".to_owned(),
            client_version: UNKNOWN.to_owned(),
            ..EnrichedReport::default()
        };
        change(&mut report);
        let before = session.admitted.as_ref();
        let (admitted, capped) =
            self.values.admit(&report, before, &mut session.kept, &mut self.names);
        session.admitted = Some(admitted);
        (admitted, capped)
    }

    fn version(&mut self, session: &mut Session, version: &str) -> String {
        let (admitted, _) =
            self.report(session, |report| version.clone_into(&mut report.client_version));
        self.names.name(admitted.labels.name(Dimension::ClientVersion)).to_owned()
    }
}

/// Returns the names of a report without its app, in the order of [`texts`].
fn texts_mut(report: &mut EnrichedReport) -> [&mut String; FIELDS - 1] {
    let (place, provider, device) = (&mut report.place, &mut report.provider, &mut report.device);
    [
        &mut place.continent,
        &mut place.country,
        &mut place.subdivision,
        &mut provider.organisation,
        &mut report.network_type,
        &mut report.edge,
        &mut device.class,
        &mut device.os,
        &mut device.browser,
        &mut report.client_version,
        &mut place.city,
        &mut device.browser_version,
        &mut report.network,
        &mut provider.connection_type,
    ]
}

fn session(participant: &'static str) -> Session {
    Session { participant, admitted: None, kept: Kept::default() }
}

#[test]
fn a_session_has_a_few_values_and_its_further_ones_are_other() {
    let (mut block, mut ann) = (Block::new(), session("ann"));
    let mut admitted =
        ["1", "2", "3", "1", UNKNOWN, "4", "2"].map(|version| block.version(&mut ann, version));
    assert_eq!(admitted, ["1", "2", "other", "1", UNKNOWN, "other", "2"]);
    let mut bob = session("bob");
    admitted = ["3", "1", "4", "", "3", "3", "3"].map(|version| block.version(&mut bob, version));
    assert_eq!(admitted, ["3", "1", "other", "", "3", "3", "3"], "each has its own");
}

#[test]
fn a_first_value_counts_though_the_report_after_it_has_none() {
    for field in 1..FIELDS {
        for none in [UNKNOWN, ""] {
            let (mut block, mut ann) = (Block::new(), session("ann"));
            let counted = ["1", none, "2", "3", "1"].map(|value| {
                let (admitted, _) = block.report(&mut ann, |report| {
                    value.clone_into(texts_mut(report)[field - 1]);
                });
                block.names.name(admitted.name(field)).to_owned()
            });
            assert_eq!(counted, ["1", none, "2", "other", "1"], "field {field}");
        }
    }
}

#[test]
fn a_first_asn_counts_though_the_report_after_it_has_none() {
    let (mut block, mut ann) = (Block::new(), session("ann"));
    let counted = [1, 0, 2, 3, 1]
        .map(|asn| block.report(&mut ann, |report| report.provider.asn = asn).0.labels.asn);
    assert_eq!(counted, [1, 0, 2, OTHER_ASN, 1]);
}

#[test]
fn network_types_of_further_paths_count_towards_the_limit() {
    let (mut block, mut ann) = (Block::new(), session("ann"));
    let wifi = |report: &mut EnrichedReport| report.network_type = "wifi".to_owned();
    let (admitted, _) = block.report(&mut ann, wifi);
    let mut path = |network_type| {
        let (values, names) = (&mut block.values, &mut block.names);
        let (symbol, capped) =
            values.admit_network_type(network_type, &admitted, &mut ann.kept, names);
        (block.names.name(symbol).to_owned(), capped.by_session)
    };
    let counted = ["wifi", "cellular", "vpn", UNKNOWN, "wifi", "cellular"].map(&mut path);
    let names = counted.each_ref().map(|(name, _)| name.as_str());
    assert_eq!(names, ["wifi", "cellular", "other", UNKNOWN, "wifi", "cellular"]);
    assert_eq!(counted.map(|(_, capped)| capped), [false, false, true, false, false, false]);
    let (admitted, capped) =
        block.report(&mut ann, |report| report.network_type = "vpn".to_owned());
    assert_eq!(block.names.name(admitted.labels.name(Dimension::NetworkType)), "other");
    assert!(capped.by_session);
}

#[test]
fn an_app_has_some_values_in_a_block_and_known_ones_stay() {
    let mut block = Block::new();
    for (participant, admitted) in [("a", ["1", "2"]), ("b", ["3", "1"])] {
        let mut session = session(participant);
        assert_eq!(admitted.map(|version| block.version(&mut session, version)), admitted);
    }
    let mut late = session("c");
    assert_eq!(block.version(&mut late, "4"), "other");
    assert_eq!(block.version(&mut late, "2"), "2", "known to the block");
    let (_, capped) = block.report(&mut late, |report| report.client_version = "5".to_owned());
    assert_eq!(capped, Capped { by_session: false, by_block: true });
    let elsewhere = |report: &mut EnrichedReport| {
        (report.app, report.client_version) = ("class".to_owned(), "4".to_owned());
    };
    let (admitted, capped) = block.report(&mut session("d"), elsewhere);
    assert_eq!(block.names.name(admitted.labels.name(Dimension::ClientVersion)), "4");
    assert_eq!(capped, Capped::default(), "another app has values of its own");
}

#[test]
fn every_field_is_bounded_and_app_call_and_participant_are_not() {
    let (mut block, mut ann) = (Block::new(), session("ann"));
    let mut last = Admitted::default();
    for number in 1..200 {
        let admitted = |report: &mut EnrichedReport| {
            texts_mut(report).into_iter().for_each(|text| *text = format!("value {number}"));
            report.provider.asn = number;
        };
        let (admitted, capped) = block.report(&mut ann, admitted);
        assert_eq!(capped.by_session, number > 2);
        last = admitted;
    }
    let others: Vec<_> = (1..FIELDS).map(|field| block.names.name(last.name(field))).collect();
    assert_eq!(others, vec!["other"; FIELDS - 1]);
    assert_eq!(last.labels.asn, OTHER_ASN);
    assert_eq!(block.names.name(last.labels.name(Dimension::App)), "meet");
    assert!(block.names.len() < 10, "values beyond the limits are not stored");
    assert!(ann.kept.0.len() <= 2 * FIELDS);
}

#[test]
fn values_beside_the_dimensions_have_no_limit_for_all_sessions_together() {
    let mut block = Block::new();
    for number in 0..20 {
        let mut session = session("p");
        let network = format!("198.51.{number}.0/24");
        let (admitted, capped) =
            block.report(&mut session, |report| report.network = network.clone());
        assert_eq!(capped, Capped::default());
        assert!(admitted.beside.iter().any(|name| block.names.name(*name) == network));
    }
}
