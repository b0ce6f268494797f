//! The producer side of the loop: writes and their acknowledgements.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{IntCounter, IntGauge};
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Statistics};
use service::{
    DEAD_LETTER_KEY, Fatal, Kafka, Ledger, Limits, Offset, Output, Source, Ticket, Topic,
    failpoints,
};

use crate::client::{Listener, producer};
use crate::letters::Letters;
use crate::metrics::Metrics;

/// Maximum length of metadata that Kafka accepts (`offset.metadata.max.bytes`).
const METADATA_LIMIT: usize = 4096;

/// Longest wait for an answer about a topic.
const METADATA: Duration = Duration::from_secs(5);
/// Divisor of the limit on bytes in flight while memory is above its limit.
const PRESSED: usize = 8;

/// Number of written records after which acknowledgements are processed. Until then the client keeps the
/// records in memory.
const OFTEN: u64 = 1024;

/// A record that was passed to the client and is not acknowledged yet.
struct Written {
    ticket: Ticket,
    topic: usize,
}

/// A record that waits because the client's queue is full.
struct Waiting {
    key: Option<Vec<u8>>,
    payload: Vec<u8>,
    written: Box<Written>,
}

/// Delivery reports of the client that the loop has not processed yet.
#[derive(Default)]
struct Deliveries {
    acknowledged: Vec<Written>,
    failed: Option<Fatal>,
}

struct DeliveryContext {
    listener: Listener,
    deliveries: Mutex<Deliveries>,
    /// Produce requests that the client has sent, with retries.
    requests: AtomicU64,
}

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.listener.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.listener.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let of_broker = statistics.brokers.values().filter_map(|broker| broker.req.get("Produce"));
        let requests = of_broker.filter_map(|count| u64::try_from(*count).ok()).sum();
        self.requests.store(requests, Ordering::Relaxed);
    }
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = Box<Written>;

    fn delivery(&self, result: &DeliveryResult<'_>, written: Box<Written>) {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => deliveries.acknowledged.push(*written),
            Err((error, message)) => {
                use rdkafka::Message as _;
                let step = format!("a write to {} failed permanently", message.topic());
                deliveries.failed.get_or_insert(Fatal::failed(step, error.clone()));
            }
        }
    }
}

/// The [`Output`] of the real loop. The loop's thread also polls the producer: a separate thread
/// would only pass results on, and that of rdkafka is busy for up to 1 % of the time (librdkafka
/// rounds its timeout down to whole milliseconds, and rdkafka spins for the rest).
pub(crate) struct Writer {
    producer: BaseProducer<DeliveryContext>,
    /// Records handed to the client.
    produced: u64,
    /// Records acknowledged.
    settled: u64,
    topics: Vec<(Topic, String)>,
    /// Records in the order of sending. While it is not empty, further records are appended.
    waiting: VecDeque<Waiting>,
    pub(crate) ledger: Ledger,
    /// Counter of the dead letters written so far.
    pub(crate) letters: Letters,
    /// Bytes in flight above which reading pauses: now, and while memory is below its limit.
    limit: usize,
    full_limit: usize,
    failure: Option<Fatal>,
    acknowledged: Vec<IntCounter>,
    in_flight: IntGauge,
}

impl Writer {
    pub(crate) fn new(
        kafka: &Kafka,
        limits: &Limits,
        topics: Vec<(Topic, String)>,
        listener: Listener,
        metrics: &Metrics,
    ) -> Result<Self, Fatal> {
        let context =
            DeliveryContext { listener, deliveries: Mutex::default(), requests: AtomicU64::new(0) };
        let producer = BaseProducer::from_config_and_context(&producer(kafka, limits), context)
            .map_err(|error| Fatal::failed("kafka", error))?;
        Ok(Self {
            producer,
            produced: 0,
            settled: 0,
            letters: Letters::new(metrics.dead_letters.clone()),
            topics,
            waiting: VecDeque::new(),
            ledger: Ledger::default(),
            limit: limits.in_flight_bytes(),
            full_limit: limits.in_flight_bytes(),
            failure: None,
            acknowledged: metrics.written.clone(),
            in_flight: metrics.in_flight.clone(),
        })
    }

    fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        let context: &DeliveryContext = self.producer.context();
        context.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls for delivery reports. One poll covers one answer of a broker, with many records.
    fn poll_deliveries(&self) {
        let mut known = self.deliveries().acknowledged.len();
        loop {
            self.producer.poll(Duration::ZERO);
            let now = self.deliveries().acknowledged.len();
            if now == known {
                return;
            }
            known = now;
        }
    }

    /// Processes delivery reports, and sends waiting records.
    pub(crate) fn serve(&mut self) -> Result<(), Fatal> {
        self.poll_deliveries();
        let deliveries = std::mem::take(&mut *self.deliveries());
        for written in deliveries.acknowledged {
            failpoints::pass(failpoints::ACKNOWLEDGED);
            self.settled += 1;
            self.ledger.close(written.ticket)?;
            self.acknowledged[written.topic].inc();
            failpoints::pass(failpoints::SETTLED);
        }
        if let Some(failed) = deliveries.failed {
            return Err(failed);
        }
        while let Some(Waiting { key, payload, written }) = self.waiting.pop_front() {
            if let Some(written) = self.produce(key.as_deref(), &payload, written) {
                self.waiting.push_front(Waiting { key, payload, written });
                break;
            }
        }
        self.in_flight.set(i64::try_from(self.ledger.bytes()).unwrap_or(i64::MAX));
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Returns a number that changes with every acknowledgement and every retried request. None while nothing is
    /// to be written.
    pub(crate) fn progress(&self) -> Option<u64> {
        let context: &DeliveryContext = self.producer.context();
        let requests = context.requests.load(Ordering::Relaxed);
        let idle = self.waiting.is_empty() && self.produced == self.settled;
        (!idle).then_some(self.settled + requests)
    }

    /// Refreshes the numbers of partitions. The client refuses to write to unknown partitions.
    pub(crate) fn learn_partitions(&self) -> KafkaResult<()> {
        self.topics.iter().try_for_each(|(_, topic)| {
            self.producer.client().fetch_metadata(Some(topic), METADATA).map(drop)
        })
    }

    /// Returns the topics that it writes to.
    pub(crate) fn topics(&self) -> &[(Topic, String)] {
        &self.topics
    }

    /// Reduces the limit on bytes in flight while memory is above its limit.
    pub(crate) const fn press(&mut self, is_over: bool) {
        self.limit = if is_over { self.full_limit / PRESSED } else { self.full_limit };
    }

    /// Returns true once so little is in flight that reading may continue.
    pub(crate) fn is_relieved(&self) -> bool {
        self.waiting.is_empty() && self.ledger.bytes() <= self.limit / 2
    }

    /// Passes a record to the client. Returns its mark if the client's queue is full.
    fn produce(
        &mut self,
        key: Option<&[u8]>,
        payload: &[u8],
        written: Box<Written>,
    ) -> Option<Box<Written>> {
        let (topic, partition) =
            (self.topics[written.topic].1.as_str(), written.ticket.source.partition.0);
        let record = BaseRecord::<[u8], [u8], Box<Written>>::with_opaque_to(topic, written)
            .partition(partition)
            .payload(payload);
        let record = match key {
            Some(key) => record.key(key),
            None => record,
        };
        self.produced += 1;
        if self.produced.is_multiple_of(OFTEN) {
            self.poll_deliveries();
        }
        match self.producer.send(record) {
            Ok(()) => None,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => {
                self.produced -= 1;
                Some(record.delivery_opaque)
            }
            Err((error, _)) => {
                let failure =
                    Fatal::failed(format!("a write to {topic}/{partition} failed"), error);
                self.failure.get_or_insert(failure);
                None
            }
        }
    }
}

impl Output for Writer {
    fn send(&mut self, source: Source, topic: Topic, key: Option<&[u8]>, payload: &[u8]) {
        let Some(position) = self.topics.iter().position(|(known, _)| *known == topic) else {
            let failure = Fatal::State(format!("{topic:?} is no output of the service"));
            self.failure.get_or_insert(failure);
            return;
        };
        let is_dead_letter = topic == Topic::DeadLetters;
        if is_dead_letter {
            self.letters.count(payload, Instant::now());
        }
        // The key may be the reason why a record was too large.
        let key = key.map(|key| match is_dead_letter {
            true => &key[..key.len().min(DEAD_LETTER_KEY)],
            false => key,
        });
        let ticket = self.ledger.open(source, key.map_or(0, <[u8]>::len) + payload.len());
        let written = Box::new(Written { ticket, topic: position });
        failpoints::pass(failpoints::WRITING);
        let refused = if self.waiting.is_empty() {
            self.produce(key, payload, written)
        } else {
            Some(written)
        };
        if let Some(written) = refused {
            let (key, payload) = (key.map(<[u8]>::to_vec), payload.to_vec());
            self.waiting.push_back(Waiting { key, payload, written });
        }
        failpoints::pass(failpoints::WRITTEN);
    }

    fn open(&mut self, source: Source, bytes: usize) -> Ticket {
        self.ledger.open(source, bytes)
    }

    fn close(&mut self, ticket: Ticket) {
        if let Err(error) = self.ledger.close(ticket) {
            self.failure.get_or_insert(error.into());
        }
    }

    fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str) {
        if metadata.len() > METADATA_LIMIT {
            let length = metadata.len();
            let text =
                format!("metadata of {length} bytes for {source:?} is more than Kafka accepts");
            self.failure.get_or_insert(Fatal::State(text));
            return;
        }
        self.ledger.checkpoint(source, offset, metadata);
    }

    fn congested(&self) -> bool {
        !self.waiting.is_empty() || self.ledger.bytes() > self.limit
    }
}

#[cfg(test)]
mod tests;
