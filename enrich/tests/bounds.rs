//! The memory that enrich uses for client data is bounded.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use enrich::{Enrich, EnrichSettings};
use prometheus::Registry;
use schemas::{Claim, EventKind, Lineage, Report};
use service::testing::{
    ImmediateOutput, measured_case, memory_of_case, peak_memory_kb, report_growth,
};
use service::{AppendTime, Input, Offset, Partition, Record, Service as _, Settings, Source};

const SOURCE: Source = Source { input: Input(0), partition: Partition(0) };

/// Number of reports that exceed the limit more than twice, and the field that they fill.
type Fill = (i64, fn(&mut Report, i64));

fn user_agent(report: &mut Report, n: i64) {
    report.user_agent = Some(format!("Agent{n}/1.0 ({})", "x".repeat(1000)));
}

fn address(report: &mut Report, n: i64) {
    report.client_address = Some(format!("2a02:{:x}:{:x}::1", n / 60_000, n % 60_000));
}

fn claim(report: &mut Report, n: i64) {
    let text = Some(format!("{n} {}", "y".repeat(240)));
    report.claim = Some(Claim {
        country: Some("DE".to_owned()),
        subdivision: text.clone(),
        city: text.clone(),
        organisation: text,
        asn: Some(1 + n),
        ..Claim::default()
    });
}

/// Fills a report with texts of the maximum lengths that ingest accepts: 256 bytes of names, and
/// 1,024 of user agents, from which rules take the browser's name.
fn long_texts(report: &mut Report, n: i64) {
    let long = |name: &str| format!("{n}-{name:x>width$}", width = 255 - n.to_string().len());
    report.app = long("app");
    report.call = long("call");
    report.participant = long("participant");
    report.peer_connection = long("connection");
    (report.edge, report.client_version) = (Some(long("edge")), Some(long("version")));
    report.failure_reason = Some(long("reason"));
    report.user_agent = Some(format!("{:a<980}{n}bot/{n}.1 (Android {n}; Mobile)", "agent"));
    claim(report, n);
}

const FIELDS: [(&str, Fill); 5] = [
    ("user agents", (20_000, user_agent)),
    ("addresses", (600_000, address)),
    ("claims", (100_000, claim)),
    ("long texts", (20_000, long_texts)),
    (
        "all of it at once",
        (600_000, |report, n| {
            address(report, n);
            // Parsing user agents is slow.
            if n % 60 == 0 {
                long_texts(report, n);
            }
        }),
    ),
];

/// Run by [`the_memory_for_client_data_is_bounded`] for each field, in a process of its own.
#[test]
fn one_field() {
    let Some(wanted) = measured_case() else { return };
    let (_, (count, fill)) = FIELDS.iter().find(|(field, _)| *field == wanted).unwrap();
    let service = EnrichSettings { reload_s: 0, ..EnrichSettings::default() };
    let settings = Settings { service, ..Settings::default() };
    let mut handler = Enrich::start(&settings, &Registry::new()).unwrap();
    handler.assigned(SOURCE, None).unwrap();
    let mut out = ImmediateOutput::default();
    let before_kb = peak_memory_kb();
    for number in 0..*count {
        let lineage = Lineage { raw_from: number, raw_to: number, ..Lineage::default() };
        let mut report = Report { lineage, event: EventKind::Joined, ..Report::default() };
        fill(&mut report, number);
        let record = Record {
            source: SOURCE,
            offset: Offset(number),
            appended: AppendTime(0),
            key: None,
            content_type: None,
            payload: &schemas::encode(&report).unwrap(),
            look_back: false,
        };
        handler.record(&record, &mut out).unwrap();
        out.commit(&mut *handler);
    }
    report_growth(before_kb);
}

#[test]
fn the_memory_for_client_data_is_bounded() {
    for (field, _) in FIELDS {
        let took = memory_of_case("one_field", field);
        assert!(took < 60_000, "{field}: {took} KB");
    }
}
