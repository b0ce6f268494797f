#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::Instant;

use prometheus::Registry;
use schemas::{EnrichedReport, EventKind, Report};
use service::{AppendTime, Input, Offset, Partition, Problems, Recorder};
use tempfile::TempDir;

use super::*;
use crate::device::Devices;
use crate::locate::Locator;
use crate::metrics::Metrics;
use crate::settings::EnrichSettings;

const SOURCE: Source = Source { input: Input(0), partition: Partition(0) };

fn reloading(folder: &TempDir) -> Reloading {
    let settings =
        EnrichSettings { asn: vec![folder.path().join("asn.csv")], ..EnrichSettings::default() };
    let tables = settings.open(&mut Problems::default()).unwrap();
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let locator = Locator::new(tables.sources.geo(), &settings, metrics.clone());
    let (scores, devices) = (tables.scores, Devices::new().unwrap());
    let reload = metrics.reload.clone();
    let topic = "reports".to_owned();
    let pipeline = Pipeline::new(locator, scores, devices, &settings, metrics, topic);
    Reloading::new(pipeline, tables.sources, reload, Duration::from_millis(10)).unwrap()
}

fn enriched(handler: &mut Reloading) -> EnrichedReport {
    let report = Report {
        event: EventKind::Stats,
        client_address: Some("81.254.3.77".to_owned()),
        ..Report::default()
    };
    let payload = schemas::encode(&report).unwrap();
    let mut out = Recorder::default();
    out.assign(SOURCE);
    let record = Record {
        source: SOURCE,
        offset: Offset(0),
        appended: AppendTime(0),
        key: None,
        content_type: None,
        payload: &payload,
        look_back: false,
    };
    handler.tick(0, Pace::Live, &mut out).unwrap();
    handler.record(&record, &mut out).unwrap();
    schemas::decode(&out.sent[0].payload).unwrap()
}

#[test]
fn reports_follow_a_changed_file_and_name_its_edition() {
    let folder = TempDir::new().unwrap();
    let write = |organisation: &str| {
        let line = format!("81.254.3.0,81.254.3.255,3215,{organisation}\n");
        fs::write(folder.path().join("asn.csv"), line).unwrap();
    };
    write("One");
    let mut handler = reloading(&folder);
    let one = enriched(&mut handler);
    assert_eq!(one.provider.organisation, "One");
    write("Two");
    let since = Instant::now();
    let two = loop {
        let enriched = enriched(&mut handler);
        if enriched.provider.organisation != "One" {
            break enriched;
        }
        assert_eq!(enriched.look_ups, one.look_ups);
        assert!(since.elapsed() < Duration::from_secs(30), "the file was not read again");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(two.provider.organisation, "Two");
    assert_ne!(two.look_ups.asn, one.look_ups.asn);
}
