//! Invalid records that are sent to the raw topic in addition to the world's, and the truth about
//! them.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deploy::deadline::Deadline;
use deploy::failure::{Context, Failure};
use flate2::Compression;
use flate2::write::GzEncoder;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use service::DEAD_LETTER_PAYLOAD;
use world::truth::{self, Dead, Outcome, payload_hash};

/// Maximum size of a record that ingest accepts (`ingest.max_record_bytes`).
const INGEST_TAKES: usize = 1 << 20;
/// Maximum record size of the raw topic (`max.message.bytes`) without the overhead of a batch.
const TOPIC_TAKES: usize = (2 << 20) - 512;
/// Size of a decompression bomb after decompression.
const BOMB: std::ops::Range<usize> = (8 << 20)..(40 << 20);
/// Repeated block of a decompression bomb: longer than a 64 KB window, so that a service which
/// decompresses it cannot rely on compressing it as well.
const BOMB_PIECE: usize = 400 << 10;

/// A raw record, and the code of the reason for which it must be dead-lettered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Poison {
    pub(super) why: &'static str,
    pub(super) key: Option<Vec<u8>>,
    /// Name and value.
    pub(super) headers: Vec<(&'static [u8], Vec<u8>)>,
    pub(super) payload: Option<Vec<u8>>,
}

/// Reason of the dead letter of a record without a key.
const NO_KEY: &str = "no_key";
/// Key of the records that are invalid for another reason than their key.
const ANY_KEY: &[u8] = b"poison";
const CONTENT_TYPE: &[u8] = b"content-type";
const REPLAYED: &[u8] = b"isobar-replayed-from";
const AVRO: &[u8] = b"application/vnd.isobar.report+avro";
const NO_TEXT: &[u8] = b"\xff\xfe\x80\x00text";

impl Poison {
    fn new(why: &'static str, payload: impl Into<Vec<u8>>) -> Self {
        Self { why, payload: Some(payload.into()), ..Self::default() }
    }

    /// Returns a small record of a random kind.
    pub(super) fn small(rng: &mut ChaCha8Rng) -> Self {
        let mut poison = match rng.random_range(0..11) {
            10 => Self::new(NO_KEY, &b"{}"[..]),
            0 => Self::new("not_json", r#"{"v":1,"event":"joi"#),
            1 => Self::new("not_utf8", &b"{\"v\":1,\"app\":\"\xff\"}"[..]),
            2 => Self { why: "not_json", ..Self::default() },
            3 => Self::new("too_deep", [vec![b'['; 5000], vec![b']'; 5000]].concat()),
            // An archive of an unsupported format.
            4 => Self::new("not_utf8", archive()),
            // Framed, with an unregistered schema.
            5 => Self::new("unknown_format", &b"\x00\x7f\xff\xff\xff\x02\x02\x02"[..]),
            6 => Self::new("unknown_format", "[1,2]"),
            7 => Self::new("unknown_event", event("exploded")),
            8 => Self {
                headers: vec![(CONTENT_TYPE, AVRO.to_vec())],
                ..Self::new("unknown_format", "{}")
            },
            _ => Self::new("missing_field", r#"{"v":1,"event":"joined"}"#),
        };
        match rng.random_range(0..5) {
            0 => poison.headers.push((CONTENT_TYPE, NO_TEXT.to_vec())),
            1 => poison.headers.push((REPLAYED, NO_TEXT.to_vec())),
            2 => poison.headers.push((REPLAYED, b"rtc-stats-raw-v1/0/-1/x/heard".to_vec())),
            3 => poison.headers.push((b"\xff\xfe\x80", b"name".to_vec())),
            _ => poison.headers.push((b"", vec![0; 3000])),
        }
        poison.key = match rng.random_range(0..3) {
            0 => None,
            1 => Some(NO_TEXT.to_vec()),
            _ => Some(vec![b'k'; 10_000]),
        };
        if poison.headers.iter().filter(|(name, _)| *name == CONTENT_TYPE).count() > 1 {
            poison.headers.pop();
        }
        poison
    }

    /// Returns a record larger than the limit of ingest, up to the limit of the topic.
    pub(super) fn oversized(rng: &mut ChaCha8Rng) -> Self {
        let length = match rng.random_range(0..3) {
            0 => INGEST_TAKES + 1,
            1 => TOPIC_TAKES,
            _ => rng.random_range(INGEST_TAKES + 1..TOPIC_TAKES),
        };
        // Random bytes, so that compression does not make it smaller.
        let mut payload = vec![0; length];
        rng.fill(&mut payload[..]);
        Self::new("too_large", payload)
    }

    /// Returns a record that is small when compressed, and many times larger than the topic's limit
    /// when decompressed: by its payload or its key.
    pub(super) fn bomb(rng: &mut ChaCha8Rng) -> Self {
        let mut piece = vec![0; BOMB_PIECE];
        rng.fill(&mut piece[..]);
        let bomb: Vec<u8> = piece.iter().copied().cycle().take(rng.random_range(BOMB)).collect();
        match rng.random_range(0..3) {
            0 => Self { key: Some(bomb), ..Self::new("too_large", event("joined")) },
            _ => Self::new("too_large", bomb),
        }
    }

    /// Returns the payload of its dead letter.
    fn kept(&self) -> &[u8] {
        let payload = self.payload.as_deref().unwrap_or_default();
        &payload[..payload.len().min(DEAD_LETTER_PAYLOAD)]
    }
}

fn archive() -> Vec<u8> {
    let mut archive = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail, and an incomplete archive would be as invalid.
    let _ = archive.write_all(&vec![b'['; 1 << 20]);
    archive.finish().unwrap_or_default()
}

fn event(name: &str) -> String {
    let envelope = serde_json::json!({
        "v": 1, "event": name, "app": "a", "call": "c", "participant": "p",
        "timestamp": 1.0, "received_at": 1.0,
    });
    envelope.to_string()
}

/// Counts records that Kafka refused.
#[derive(Clone, Default)]
struct Refused(Arc<AtomicU64>);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends invalid records and writes their truth.
pub(super) struct Poisoner {
    producer: ThreadedProducer<Refused>,
    refused: Refused,
    topic: String,
    truth: truth::Writer<BufWriter<File>>,
    file: PathBuf,
    pub(super) sent: u64,
}

impl Poisoner {
    pub(super) fn new(brokers: &str, topic: &str, folder: &Path) -> Result<Self, Failure> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("client.id", "poison")
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("message.max.bytes", "100000000")
            .set("queue.buffering.max.kbytes", "1048576")
            // One record per batch, otherwise a batch would exceed the topic's limit.
            .set("batch.num.messages", "1")
            .set("compression.type", "zstd")
            .set("reconnect.backoff.max.ms", "1000")
            .set("log_level", "0");
        let refused = Refused::default();
        let producer = ThreadedProducer::from_config_and_context(&config, refused.clone());
        let file = folder.join("poison.truth.jsonl");
        let writer = BufWriter::new(File::create(&file).context(file.display())?);
        let header = truth::Header {
            seed: 0,
            start_us: 0,
            sessions: 0,
            period_us: 0,
            scenario: "poison".to_owned(),
            history: None,
        };
        Ok(Self {
            producer: producer.context("Kafka")?,
            refused,
            topic: topic.to_owned(),
            truth: truth::Writer::new(writer, &header).context(file.display())?,
            file,
            sent: 0,
        })
    }

    /// Passes a record to the client.
    pub(super) fn send(&mut self, poison: &Poison) -> Result<(), Failure> {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic);
        if let Some(payload) = &poison.payload {
            record = record.payload(payload);
        }
        if poison.why != NO_KEY {
            record = record.key(poison.key.as_deref().unwrap_or(ANY_KEY));
        }
        if !poison.headers.is_empty() {
            let add = |headers: OwnedHeaders, (name, value): &(&[u8], Vec<u8>)| {
                headers.insert(Header { key: any_text(name), value: Some(value) })
            };
            record = record.headers(poison.headers.iter().fold(OwnedHeaders::new(), add));
        }
        self.producer.send(record).map_err(|(error, _)| error).context("poison")?;
        let dead = Dead { why: poison.why.to_owned(), hash: payload_hash(poison.kept()) };
        let record = truth::Record {
            session: 0,
            outcome: Outcome::Invalid,
            introduces: None,
            event: None,
            dead: Some(dead),
        };
        self.sent += 1;
        self.truth.write(&record).context(self.file.display())
    }

    /// Waits until Kafka has all records, and returns the file of their truth.
    pub(super) fn finish(&mut self) -> Result<PathBuf, Failure> {
        self.truth.flush().context(self.file.display())?;
        let deadline = Deadline::after(Duration::from_secs(180));
        while self.producer.in_flight_count() > 0 {
            if deadline.passed() {
                return Err(Failure::Refused(
                    "Kafka does not accept the last invalid records".to_owned(),
                ));
            }
            let _ = self.producer.flush(Duration::from_millis(500));
        }
        match self.refused.0.load(Ordering::Relaxed) {
            0 => Ok(self.file.clone()),
            refused => Err(Failure::Refused(format!("Kafka refused {refused} invalid records"))),
        }
    }
}

/// Returns bytes as a `str` for a header's name. Kafka accepts any bytes, and the client sends them
/// by address and length.
#[allow(unsafe_code)] // The client's interface has no other way for it.
fn any_text(name: &[u8]) -> &str {
    // SAFETY: the client only copies the bytes.
    unsafe { str::from_utf8_unchecked(name) }
}
