//! Sending to librdkafka's mock broker.
#![allow(clippy::unwrap_used)]

use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;

/// Sends a few records, with a truth that is valid for stalls of up to two seconds.
fn play(brokers: &str) -> Result<Report, PlayError> {
    let options = Options {
        brokers: brokers.to_owned(),
        topic: "raw".to_owned(),
        reports: Some(3),
        fast: true,
        ..Options::default()
    };
    let settings = options.world(now_us())?;
    let mut on_progress = |_: &Progress| ();
    let mut player = Player::new(&options, settings, &mut on_progress)?;
    player.longest_stall = Duration::from_secs(2);
    player.play_all(World::new(settings)?, &AtomicBool::new(false))
}

#[test]
fn an_unacknowledged_producer_reports_whether_a_new_client_is_served() {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("raw", 1, 1).unwrap();
    let brokers = broker.bootstrap_servers();
    assert!(play(&brokers).unwrap().records >= 3);

    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 10_000];
    broker.request_errors(RDKafkaApiKey::Produce, &refused);
    let begun = Instant::now();
    let error = play(&brokers).unwrap_err().to_string();
    assert!(
        error.contains("acknowledged nothing for ") && error.contains(" s, and 0 of "),
        "{error}"
    );
    assert!(
        error.contains("a new client is served") && error.contains("start it again"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());

    broker.broker_down(1).unwrap();
    let error = play(&brokers).unwrap_err().to_string();
    assert!(error.contains("a new client is not served either: Kafka at 127.0.0.1:"), "{error}");
}
