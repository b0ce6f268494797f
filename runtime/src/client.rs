//! Clients of Kafka: their options, and the errors that they report while the cluster is unreachable.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::BaseProducer;
use rdkafka::{ClientConfig, ClientContext};
use service::{Kafka, Limits, Problems};

use crate::reach::Reasons;

/// Options that correctness depends on, under all of their names. Operators cannot change them.
const FIXED_OPTIONS: [&str; 14] = [
    "acks",
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "group.protocol",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
];

/// Interval of client statistics, ms. They show whether the client makes progress.
const STATISTICS: &str = "5000";
/// Interval of metadata refreshes, ms: added partitions are noticed within this time.
const REFRESH: &str = "5000";

/// Adds errors of the options to `problems`: those of single options or, if there are none, those of
/// the combination. Does not connect.
pub(crate) fn check_options(kafka: &Kafka, problems: &mut Problems) {
    let mut alone = true;
    for (option, value) in &kafka.options {
        if let Err(error) = check_option(option, value) {
            problems.push(&format!("options.{option}"), error.to_string());
            alone = false;
        }
    }
    if alone
        && !kafka.options.is_empty()
        && let Err(error) = build(kafka)
    {
        problems.push("options", in_words(&error));
    }
}

/// Reason why an option cannot be used.
#[derive(Debug, thiserror::Error)]
enum OptionError {
    /// The service sets it itself.
    #[error("is set by the service; remove it")]
    Fixed,
    /// The client refuses its name or its value. The value may be a secret and is not shown.
    #[error("{}", in_words(.0))]
    Refused(KafkaError),
}

fn check_option(option: &str, value: &str) -> Result<(), OptionError> {
    if FIXED_OPTIONS.contains(&option) {
        return Err(OptionError::Fixed);
    }
    let config = ClientConfig::from_iter([(option.to_owned(), value.to_owned())]);
    config.create_native_config().map(drop).map_err(OptionError::Refused)
}

/// Builds clients of both roles, without an address to connect to.
fn build(kafka: &Kafka) -> KafkaResult<()> {
    let _: BaseConsumer = member(kafka).remove("bootstrap.servers").remove("group.id").create()?;
    let _: BaseProducer =
        producer(kafka, &Limits::default()).remove("bootstrap.servers").create()?;
    Ok(())
}

/// Returns the client's own reason, without the value, which may be a secret.
fn in_words(error: &KafkaError) -> String {
    let reason = match error {
        KafkaError::ClientConfig(_, reason, ..) | KafkaError::ClientCreation(reason) => {
            reason.clone()
        }
        other => other.to_string(),
    };
    let lacks_tls = ["OpenSSL", "SCRAM"].iter().any(|word| reason.contains(word));
    if lacks_tls && !cfg!(feature = "tls") {
        return format!("{reason}; build Isobar with --features tls");
    }
    reason
}

/// Returns the configuration of a client without a special role.
pub(crate) fn plain(kafka: &Kafka) -> ClientConfig {
    configure(kafka, &[])
}

/// Returns the configuration of a member of the group. The eager protocol with `range` assigns one
/// member the same partition numbers of all its topics, which services with several inputs need, and
/// has no partial assignments.
pub(crate) fn member(kafka: &Kafka) -> ClientConfig {
    let mut config = configure(
        kafka,
        &[
            ("auto.offset.reset", "error"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("partition.assignment.strategy", "range"),
            // The partitions of a killed member are reassigned after this time.
            ("session.timeout.ms", "10000"),
            ("queued.max.messages.kbytes", "16384"),
            // The client decompresses a whole response at once, even if its queue is full.
            ("fetch.max.bytes", "4194304"),
            // Small responses are expensive for the broker, so it waits for more data. Not for
            // long, because the waits of consecutive services add up.
            ("fetch.min.bytes", "1048576"),
            ("fetch.wait.max.ms", "100"),
            ("fetch.queue.backoff.ms", "20"),
            ("fetch.error.backoff.ms", "100"),
            ("statistics.interval.ms", STATISTICS),
            ("topic.metadata.refresh.interval.ms", REFRESH),
        ],
    );
    config.set("group.id", &kafka.group);
    config
}

/// Returns the configuration of a reader of single records, outside of the group's assignments.
pub(crate) fn probe(kafka: &Kafka) -> ClientConfig {
    let mut config = configure(
        kafka,
        &[
            ("auto.offset.reset", "error"),
            ("enable.auto.commit", "false"),
            ("enable.partition.eof", "true"),
            ("queued.max.messages.kbytes", "1024"),
            // After a full queue the client would fetch nothing for a second.
            ("fetch.queue.backoff.ms", "10"),
        ],
    );
    // The client requires the name of a group even for manual assignments.
    config.set("group.id", &kafka.group);
    config
}

/// Returns the configuration of a producer whose writes are idempotent and never time out. Its queue holds
/// twice the limit at which reading pauses, because a handler may write while reading is paused.
pub(crate) fn producer(kafka: &Kafka, limits: &Limits) -> ClientConfig {
    let mut config = configure(
        kafka,
        &[
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("message.timeout.ms", "0"),
            // The broker limits the size of records: the limit of a topic may be above the client's
            // default.
            ("message.max.bytes", "67108864"),
            ("compression.type", "lz4"),
            ("linger.ms", "100"),
            ("batch.size", "1000000"),
            ("queue.buffering.max.messages", "1000000"),
            ("statistics.interval.ms", STATISTICS),
            ("topic.metadata.refresh.interval.ms", REFRESH),
        ],
    );
    let queue = limits.in_flight_bytes() / 1024 * 2;
    config.set("queue.buffering.max.kbytes", queue.to_string());
    config
}

fn configure(kafka: &Kafka, own: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.brokers).set("reconnect.backoff.max.ms", "1000");
    for (option, value) in own {
        config.set(*option, *value);
    }
    for (option, value) in &kafka.options {
        config.set(option, value);
    }
    // Otherwise the output of the option `debug` would be filtered out.
    let asked = kafka.options.contains_key("debug");
    config.set_log_level(if asked { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
    config
}

/// Drops clients on a thread of its own, because a stalled client may block when it is dropped.
pub(crate) fn let_go(clients: impl Send + 'static) {
    let dropped = thread::Builder::new().name("old client".to_owned()).spawn(|| drop(clients));
    if let Err(error) = dropped {
        tracing::debug!("no thread to drop clients on: {error}");
    }
}

/// Interval between log lines about the same condition.
const REPEAT: Duration = Duration::from_secs(10);

/// Context of all clients of the process. It logs one line about an unreachable cluster instead of one for
/// each client, broker and attempt.
#[derive(Clone)]
pub(crate) struct Listener(Arc<ListenerState>);

struct ListenerState {
    brokers: String,
    away: AtomicBool,
    ended: AtomicBool,
    reasons: Mutex<Reasons>,
    last_line: Mutex<Option<Instant>>,
}

impl Listener {
    pub(crate) fn new(kafka: &Kafka) -> Self {
        Self(Arc::new(ListenerState {
            brokers: kafka.brokers.clone(),
            away: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            reasons: Mutex::default(),
            last_line: Mutex::new(None),
        }))
    }

    /// Stops logging about connections: the process has logged its result and waits for nothing
    /// more.
    pub(crate) fn end(&self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }

    /// Logs what the process waits for, at most every 10 s.
    pub(crate) fn waits_for(&self, what: &str) {
        if self.0.ended.load(Ordering::Relaxed) {
            return;
        }
        let mut last = self.0.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= REPEAT) {
            *last = Some(Instant::now());
            tracing::warn!("waits for {what}");
        }
    }

    /// Returns the name of the cluster in messages.
    pub(crate) fn cluster(&self) -> String {
        format!("Kafka at {}", self.0.brokers)
    }

    /// Returns the name of the cluster, and the reported reason why no broker can be reached.
    pub(crate) fn away(&self) -> String {
        match self.reasons().words() {
            Some(words) => format!("{}: {words}", self.cluster()),
            None => self.cluster(),
        }
    }

    fn reasons(&self) -> MutexGuard<'_, Reasons> {
        self.0.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true while no broker can be reached.
    pub(crate) fn is_away(&self) -> bool {
        self.0.away.load(Ordering::Relaxed)
    }

    pub(crate) fn set_away(&self, away: bool) {
        if self.0.away.swap(away, Ordering::Relaxed) && !away {
            self.reasons().clear();
            if self.0.ended.load(Ordering::Relaxed) {
                return;
            }
            tracing::info!("{} is back", self.cluster());
        }
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Emerg, Error, Warning};
        self.reasons().add_log_line(facility, line);
        match (level, facility) {
            // Failed connections are also reported as errors, warnings about options of other roles
            // are expected, and an idempotent producer retries until a broker that has just started
            // can assign its id.
            (_, "FAIL" | "ERROR" | "CONFWARN" | "GETPID") => tracing::debug!("{facility}: {line}"),
            (Emerg | Alert | Critical | Error | Warning, _) => {
                tracing::warn!("{facility}: {line}");
            }
            _ => tracing::debug!("{facility}: {line}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let about_connections = self.reasons().add_error(&error, reason);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                self.set_away(true);
                self.waits_for(&self.away());
            }
            // No broker will accept this client.
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL) => {
                self.waits_for(&self.away());
            }
            // The end of a partition is not an error.
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            // It concerns one broker of several, or the resolver may respond the next time.
            _ if about_connections => tracing::debug!("{reason}"),
            _ => self.waits_for(&format!("{}: {reason}", self.cluster())),
        }
    }
}

impl ConsumerContext for Listener {}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_reported(code: RDKafkaErrorCode) -> bool {
        let listener = Listener::new(&Kafka::default());
        listener.error(KafkaError::Global(code), "reason");
        let last_line = listener.0.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        last_line.is_some()
    }

    #[test]
    fn the_end_of_a_partition_is_not_reported_as_a_wait_for_the_cluster() {
        assert!(!is_reported(RDKafkaErrorCode::PartitionEOF));
        assert!(is_reported(RDKafkaErrorCode::AllBrokersDown));
        assert!(is_reported(RDKafkaErrorCode::GroupAuthorizationFailed));
    }
}
