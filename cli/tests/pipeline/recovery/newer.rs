//! Recovery from records, commits and audits that a newer release has written.

use deploy::service::Service::{self, Aggregate, Enrich, Ingest, Sink};

use super::site::{BLOCKS, CELLS, ENRICHED, RAW, REPORTS, Site};

/// Commit metadata in a form that only a newer release knows.
const NEWER: &str = r#"{"v":2,"epoch":1}"#;

/// Appends a record of version 2 of its subject to each partition of a topic, and returns their offsets.
fn append_newer(site: &Site, topic: &str, subject: u32) -> Vec<(i32, i64)> {
    let id = subject * 100 + 2;
    let record = [&[0], &id.to_be_bytes()[..], b"datum"].concat();
    let offsets = site.ends(topic);
    for (partition, _) in &offsets {
        site.append(topic, *partition, &record);
    }
    offsets
}

/// Asserts that the service refuses such a record, and continues from it, or from before it, wherever
/// the newer release runs.
#[track_caller]
fn refuses(site: &mut Site, service: Service, topic: &str, newer: &[(i32, i64)]) {
    let line = site.refuses(service, 91);
    assert!(line.contains(topic) && line.contains("of version 2"), "{line}");
    for ((offset, _), (partition, newer)) in site.committed(service, topic).iter().zip(newer) {
        let offset = offset.unwrap();
        assert!(offset <= *newer, "{topic}/{partition}: {offset} is committed, {newer} is newer");
    }
}

#[tokio::test]
async fn records_of_a_newer_release_are_made_again_by_an_older_one() {
    const HEADING: &str = "91:";
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    site.stop(Enrich);
    let newer = append_newer(&site, REPORTS, 1);
    site.leave_unread(Enrich);
    refuses(&mut site, Enrich, REPORTS, &newer);
    site.follow(HEADING, REPORTS, &[]).await;
    site.go_on(&[Enrich, Ingest]).await;

    site.stop(Aggregate);
    site.drained(Sink);
    site.stop(Sink);
    let newer = append_newer(&site, ENRICHED, 2);
    site.leave_unread(Aggregate);
    site.stop(Ingest);
    refuses(&mut site, Aggregate, ENRICHED, &newer);
    refuses(&mut site, Sink, ENRICHED, &newer);
    site.follow(HEADING, ENRICHED, &[]).await;
    site.start(Sink);
    site.new_epoch().await;
    site.verified().await;
    site.has_all_samples().await;

    site.stop(Sink);
    let newer = append_newer(&site, CELLS, 3);
    site.leave_unread(Sink);
    refuses(&mut site, Sink, CELLS, &newer);
    site.follow(HEADING, CELLS, &[]).await;
    site.go_on(&[Aggregate, Sink]).await;
}

#[tokio::test]
async fn an_older_release_continues_without_the_metadata_of_a_newer_one() {
    const HEADING: &str = "87:";
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    // The newer release stopped cleanly, at the end of what it had folded.
    site.folded().await;
    site.stop(Aggregate);
    site.commit(Aggregate, ENRICHED, &site.ends(ENRICHED), Some(NEWER));
    site.play();
    let line = site.refuses(Aggregate, 87);
    assert!(line.contains("form 2, which a newer release wrote"), "{line}");
    site.follow(HEADING, "aggregate", &[]).await;
    site.go_on(&[Aggregate]).await;

    site.stop(Ingest);
    site.commit(Ingest, RAW, &site.ends(RAW), Some(NEWER));
    let line = site.refuses(Ingest, 87);
    assert!(line.contains("form 2, which was written by a newer release"), "{line}");
    site.follow(HEADING, "ingest", &[]).await;
    site.play();
    site.go_on(&[Ingest]).await;

    // Audits of the newer release: aggregate needs them only if nothing is committed.
    site.drained(Sink);
    site.stop(Sink);
    let newer = append_newer(&site, BLOCKS, 5);
    refuses(&mut site, Sink, BLOCKS, &newer);
    site.follow("91:", BLOCKS, &[]).await;
    site.play();
    site.go_on(&[Sink]).await;
    site.stop(Aggregate);
    site.follow(HEADING, "aggregate", &[]).await;
    let line = site.refuses(Aggregate, 87);
    assert!(line.contains("Run the release that wrote them"), "{line}");
}
