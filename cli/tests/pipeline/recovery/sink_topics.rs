//! Each topic of sink that loses its append times, its end, or its beginning.

use deploy::service::Service::{Aggregate, Enrich, Ingest, Sink};

use super::site::{BLOCKS, CELLS, ENRICHED, HOURS, SESSIONS, Site, now};

#[tokio::test]
async fn each_topic_of_sink_is_rebuilt_from_enriched_reports() {
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    // Enriched reports have expired, and are produced again from raw records.
    site.stop(Sink);
    site.leave_unread(Sink);
    site.stop(Ingest);
    site.stop(Enrich);
    site.delete_records(&[ENRICHED], 0).await;
    let line = site.refuses(Sink, 80);
    assert!(line.contains(ENRICHED), "{line}");
    site.follow("80:", "sink", &[]).await;
    site.follow("80:", "enrich", &[]).await;
    (site.mid_log, site.has_gaps) = (true, true);
    site.go_on(&[Aggregate, Sink, Enrich, Ingest]).await;
    site.has_all_samples().await;

    site.stop(Sink);
    site.leave_unread(Sink);
    let ends =
        [SESSIONS, HOURS, BLOCKS].map(|topic| (topic, site.commit_beyond_the_end(Sink, topic)));
    let line = site.refuses(Sink, 92);
    assert!(line.contains("Kafka lost the end of the log"), "{line}");
    for (topic, ends) in &ends {
        site.topic = topic;
        site.follow("A log that lost", CELLS, ends).await;
    }
    site.go_on(&[Aggregate, Sink]).await;

    // At the end, because no later rewind may come to records without an append time.
    site.stop(Sink);
    for topic in [CELLS, SESSIONS, HOURS, BLOCKS] {
        site.take_append_times(topic).await;
    }
    site.leave_unread(Sink);
    site.refuses(Sink, 84);
    site.apply_topics();
    site.time = now();
    let line = site.refuses(Sink, 84);
    assert!(line.contains("has no append time"), "{line}");
    for topic in [CELLS, SESSIONS, HOURS, BLOCKS] {
        site.topic = topic;
        site.follow("84:", "sink", &[]).await;
    }
    site.go_on(&[Aggregate, Sink]).await;
}
