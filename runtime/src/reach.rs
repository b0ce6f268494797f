//! Tests with a new client whether a cluster is reachable, and diagnosis of the cause if it is not.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, TopicPartitionList};
use service::{Kafka, Topics};

use crate::client::plain;

/// Longest wait for a cluster's first answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time from its start in which a client tries all addresses of a name if the first one refuses.
const ADDRESSES: Duration = Duration::from_secs(2);
/// Interval between two checks for a reason to give up.
const LOOK: Duration = Duration::from_millis(200);
/// Maximum number of events of a new client that are read: errors of its few brokers, and
/// statistics.
const EVENTS: usize = 64;

/// Phrases of librdkafka about a connection that the broker has closed. Which one it is depends on
/// whether the client was reading or writing at that moment.
const CLOSED_BY_PEER: [&str; 5] =
    ["security.protocol", "Disconnected: ", "Broken pipe", "reset by peer", "Receive failed: "];

/// Reason why a cluster does not serve a new client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// No client can be created, or it gets no response.
    #[error("{reason}")]
    NoAnswer {
        /// The most specific of the reasons that the client has reported.
        reason: String,
        /// The error of the request that failed.
        source: Box<KafkaError>,
    },
    /// The cluster names no broker.
    #[error("it answers, but names no broker: none is registered, or all are fenced")]
    NoBroker,
    /// The topic does not exist.
    #[error("it has no topic {0}")]
    NoTopic(String),
    /// A partition cannot be read or written.
    #[error("{topic}/{partition} has no leader")]
    NoLeader {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// The coordinator of the consumer group does not answer.
    #[error("the group's coordinator: {0}")]
    NoCoordinator(#[source] Box<Self>),
    /// All brokers were absent when the new client was created, and respond now.
    #[error("it was down a moment ago, and answers again")]
    Returned,
    /// The new client does not return from a request.
    #[error("a new client does not come back")]
    Hangs,
}

/// Error of a cluster that cannot be reached, with its addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Kafka at {brokers}: {source}")]
pub struct Unreachable {
    /// Addresses that were tried.
    pub brokers: String,
    /// The reason.
    pub source: Unserved,
}

/// Part of librdkafka's line about an answer that is HTTP: its first four bytes, read as a length.
const HTTP: &str = "Invalid response size 1213486160";

/// Cause of a failed connection to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The broker does not listen or respond, or has closed an established connection, as a broker
    /// does when it ends.
    Down,
    /// The broker closes the connection at the first requests, as a listener with SASL or TLS does if
    /// the client uses neither.
    HangsUp,
    /// A server of HTTP listens at the address.
    Http,
    /// The resolver does not know the broker's name.
    Name,
    /// Broker and client have different settings of SASL or TLS, or the secret is wrong.
    Login,
    /// This process has no free file descriptor for a connection.
    Files,
}

impl Cause {
    /// Returns the cause of an error of librdkafka, some of which only its text contains.
    fn of(code: Option<RDKafkaErrorCode>, reason: &str) -> Self {
        use RDKafkaErrorCode as Code;
        let contains = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        let name = code == Some(Code::Resolve) || contains(&["Failed to resolve"]);
        if contains(&["Too many open files"])
            || (name && contains(&["System error"]) && no_files_left())
        {
            return Self::Files;
        }
        let login =
            matches!(code, Some(Code::Authentication | Code::SSL | Code::UnsupportedSASLMechanism));
        if login {
            Self::Login
        } else if name {
            Self::Name
        } else if contains(&[HTTP]) {
            Self::Http
        } else if contains(&CLOSED_BY_PEER) && !was_established(reason) && !is_of_cluster(reason) {
            Self::HangsUp
        } else {
            Self::Down
        }
    }

    /// Returns its specificity: of the causes of several brokers the most specific one is reported.
    const fn rank(self) -> u8 {
        match self {
            Self::Down | Self::HangsUp => 0,
            Self::Name => 1,
            Self::Login | Self::Http => 2,
            Self::Files => 3,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Down => "no broker answers",
            Self::HangsUp => "a broker hangs up on this client, as one does that wants SASL or TLS",
            Self::Http => "what answers there is not Kafka, but a server of HTTP",
            Self::Name => "its name is not known to the resolver",
            Self::Login => "it does not let this client in, by SASL or TLS",
            Self::Files => "this process has no free file descriptor (ulimit -n)",
        }
    }
}

/// Returns true if the connection that a log line is about was established before it was closed:
/// librdkafka adds `(after 10443ms in state UP…)`. A listener with SASL answers only the first
/// request, which is sufficient for that state, and closes the connection at the second.
fn was_established(line: &str) -> bool {
    let state = line.split_once("(after ").and_then(|(_, rest)| rest.split_once("ms in state UP"));
    state.and_then(|(time, _)| time.parse().ok()).is_some_and(|ms: u64| ms >= 1000)
}

/// Returns true if the connection that a log line is about is to a broker that the cluster has named
/// (`host:port/id`, or the group's coordinator), rather than to a bootstrap address: the client was served
/// before, so it is not the one whose settings are wrong.
fn is_of_cluster(line: &str) -> bool {
    let is_id = |word: &str| word.split_once(':').map_or(word, |(id, _)| id).parse::<i32>().is_ok();
    line.contains("GroupCoordinator")
        || line.split_whitespace().filter_map(|word| word.rsplit_once('/')).any(|(_, id)| is_id(id))
}

/// Returns true if the process can open no more files.
fn no_files_left() -> bool {
    let limits = [libc::EMFILE, libc::ENFILE];
    File::open("/dev/null")
        .is_err_and(|error| error.raw_os_error().is_some_and(|code| limits.contains(&code)))
}

/// Reported reasons why a cluster cannot be reached.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    reported: Option<(Cause, String)>,
    all_down: bool,
}

impl Reasons {
    /// Adds an error from a client's callback; true if it is about connections.
    pub(crate) fn add_error(&mut self, error: &KafkaError, reason: &str) -> bool {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code();
        match code {
            // This does not name the cause, which was reported for the last broker.
            Some(Code::AllBrokersDown) => self.all_down = true,
            Some(
                Code::BrokerTransportFailure
                | Code::Resolve
                | Code::OperationTimedOut
                | Code::Authentication
                | Code::SSL
                | Code::UnsupportedSASLMechanism,
            ) => self.add(Cause::of(code, reason), reason),
            _ => return false,
        }
        true
    }

    /// Adds a line of a client's log: closed connections are not reported as errors.
    pub(crate) fn add_log_line(&mut self, facility: &str, line: &str) {
        if facility == "FAIL" {
            self.add(Cause::of(None, line), line);
        }
    }

    fn add(&mut self, cause: Cause, reason: &str) {
        if self.reported.as_ref().is_none_or(|(known, _)| cause.rank() >= known.rank()) {
            self.reported = Some((cause, reason.to_owned()));
        }
    }

    /// Removes all reasons, because a broker is up.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns the text of the most specific reason.
    pub(crate) fn words(&self) -> Option<String> {
        self.reported.as_ref().map(|(cause, reason)| format!("{}: {reason}", cause.words()))
    }

    /// Returns true if a retry does not help.
    fn refused(&self) -> bool {
        self.reported.as_ref().is_some_and(|(cause, _)| [Cause::Login, Cause::Http].contains(cause))
    }
}

/// Client context that keeps the reported errors and logs nothing.
#[derive(Default)]
struct ErrorListener(Mutex<Reasons>);

impl ErrorListener {
    fn reasons(&self) -> MutexGuard<'_, Reasons> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for ErrorListener {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reasons().add_log_line(facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reasons().add_error(&error, reason);
    }
}

impl ConsumerContext for ErrorListener {}

/// A client without any metadata of the cluster but its bootstrap addresses.
struct NewClient(BaseConsumer<ErrorListener>);

impl NewClient {
    fn of(kafka: &Kafka) -> Result<Self, Unserved> {
        let mut config = plain(kafka);
        config.set("group.id", &kafka.group);
        let client = BaseConsumer::from_config_and_context(&config, ErrorListener::default());
        // Creating a client opens its pipes and sockets.
        let client = client.map_err(|source| {
            let reason = match no_files_left() {
                true => format!("{}: {source}", Cause::Files.words()),
                false => source.to_string(),
            };
            Unserved::NoAnswer { reason, source: Box::new(source) }
        });
        client.map(Self)
    }

    /// Returns the reason of a failed request: an error that the client has reported, else the
    /// request's own.
    fn unanswered(&self, error: KafkaError) -> Unserved {
        let _ = self.0.poll(Duration::ZERO);
        let words = self.0.context().reasons().words();
        let reason = words.unwrap_or_else(|| match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::BrokerTransportFailure,
            ) => {
                format!("{}: {error}", Cause::Down.words())
            }
            _ => error.to_string(),
        });
        Unserved::NoAnswer { reason, source: Box::new(error) }
    }

    /// Returns an error if all brokers were absent at some time while the client connected.
    fn had_brokers_throughout(&self) -> Result<(), Unserved> {
        // Each poll calls the callback of one event.
        for _ in 0..EVENTS {
            let _ = self.0.poll(Duration::ZERO);
        }
        if self.0.context().reasons().all_down { Err(Unserved::Returned) } else { Ok(()) }
    }

    /// Checks that every partition of `topic` has a leader, and returns how many partitions there are.
    fn leaders(&self, topic: &str, timeout: Duration) -> Result<usize, Unserved> {
        let metadata = self.0.fetch_metadata(Some(topic), timeout);
        let metadata = metadata.map_err(|error| self.unanswered(error))?;
        if metadata.brokers().is_empty() {
            return Err(Unserved::NoBroker);
        }
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let partitions: Vec<_> = partitions.collect();
        match partitions.iter().find(|partition| partition.leader() < 0) {
            Some(lost) => Err(Unserved::NoLeader { topic: topic.to_owned(), partition: lost.id() }),
            None => Ok(partitions.len()),
        }
    }
}

/// Waits for any response of a cluster.
///
/// # Errors
/// If there is none within seconds. The reason distinguishes a wrong name, a refused login, missing
/// file descriptors and absent brokers.
pub fn reach(kafka: &Kafka) -> Result<(), Unreachable> {
    let of_cluster = |source| Unreachable { brokers: kafka.brokers.clone(), source };
    let client = NewClient::of(kafka).map_err(of_cluster)?;
    let started = Instant::now();
    loop {
        let error = match client.0.fetch_metadata(None, LOOK) {
            Ok(metadata) if metadata.brokers().is_empty() => {
                return Err(of_cluster(Unserved::NoBroker));
            }
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let reason = client.unanswered(error);
        let (refused, all_down) = {
            let reasons = client.0.context().reasons();
            (reasons.refused(), reasons.all_down)
        };
        let waited = started.elapsed();
        if refused || waited >= PATIENCE || (all_down && waited >= ADDRESSES) {
            return Err(of_cluster(reason));
        }
    }
}

/// Checks with a new client that the cluster would take records for `topic`. Waits at most `timeout`.
///
/// # Errors
/// If it does not answer, has no such topic, or a partition of it has no leader.
pub fn takes_records(kafka: &Kafka, topic: &str, timeout: Duration) -> Result<(), Unreachable> {
    let of_cluster = |source| Unreachable { brokers: kafka.brokers.clone(), source };
    let client = NewClient::of(kafka).map_err(of_cluster)?;
    match client.leaders(topic, timeout).map_err(of_cluster)? {
        0 => Err(of_cluster(Unserved::NoTopic(topic.to_owned()))),
        _ => Ok(()),
    }
}

/// Checks with a new client everything that reading and writing require: leaders of all partitions
/// of `topics`, and the group's coordinator. Waits at most `timeout` for each response.
///
/// # Errors
/// If one of them is missing, the cluster does not respond, or it responded only after all of its brokers
/// had been absent: older clients also need some time to find them again.
pub(crate) fn serves(kafka: &Kafka, topics: &Topics, timeout: Duration) -> Result<(), Unserved> {
    let client = NewClient::of(kafka)?;
    for topic in topics.names() {
        client.leaders(topic, timeout)?;
    }
    let mut list = TopicPartitionList::new();
    if let Some(topic) = topics.inputs.first() {
        list.add_partition(topic, 0);
    }
    let committed = client.0.committed_offsets(list, timeout);
    let committed =
        committed.and_then(|list| list.elements().iter().try_for_each(|element| element.error()));
    committed.map_err(|error| Unserved::NoCoordinator(Box::new(client.unanswered(error))))?;
    client.had_brokers_throughout()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_distinguished_by_code_and_text() {
        use RDKafkaErrorCode as Code;
        for (code, reason, cause) in [
            (Code::Resolve, "Failed to resolve 'kafka.invalid:9092': Name not known", Cause::Name),
            (
                Code::BrokerTransportFailure,
                "Connect to ipv4#127.0.0.1:1 failed: refused",
                Cause::Down,
            ),
            (
                Code::BrokerTransportFailure,
                "Failed to create socket: Too many open files",
                Cause::Files,
            ),
            (
                Code::BrokerTransportFailure,
                "Disconnected while requesting ApiVersion: might be caused by incorrect \
                 security.protocol configuration",
                Cause::HangsUp,
            ),
            (
                Code::BrokerTransportFailure,
                "Disconnected: connection closed by peer: receive 0 after POLLIN",
                Cause::HangsUp,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9092/1: Disconnected: connection closed by peer: receive 0 after POLLIN \
                 (after 10443ms in state UP)",
                Cause::Down,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9092/bootstrap: Disconnected: connection closed by peer: receive 0 after \
                 POLLIN (after 0ms in state UP, 1 identical error(s) suppressed)",
                Cause::HangsUp,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9092/bootstrap: Disconnected: connection closed by peer: receive 0 after \
                 POLLIN (after 3ms in state APIVERSION_QUERY)",
                Cause::HangsUp,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9092/bootstrap: Send failed: Broken pipe (after 0ms in state UP)",
                Cause::HangsUp,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9092/bootstrap: Receive failed: Connection reset by peer (after 1ms in state \
                 APIVERSION_QUERY)",
                Cause::HangsUp,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9092/1: Send failed: Broken pipe (after 61000ms in state UP)",
                Cause::Down,
            ),
            (
                Code::BrokerTransportFailure,
                "[thrd:GroupCoordinator]: GroupCoordinator: 127.0.0.1:9092: Disconnected: connection \
                 reset by peer (after 2ms in state APIVERSION_QUERY)",
                Cause::Down,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9092/1: Receive failed: Connection reset by peer (after 1ms in state \
                 APIVERSION_QUERY)",
                Cause::Down,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:8123/bootstrap: Receive failed: Invalid response size 1213486160 \
                 (0..100000000): increase receive.message.max.bytes (after 0ms in state \
                 APIVERSION_QUERY)",
                Cause::Http,
            ),
            (
                Code::BrokerTransportFailure,
                "127.0.0.1:9093/bootstrap: Receive failed: Invalid response size 352518912 \
                 (0..100000000): increase receive.message.max.bytes (after 0ms in state \
                 APIVERSION_QUERY)",
                Cause::HangsUp,
            ),
            (Code::Authentication, "Invalid username or password", Cause::Login),
        ] {
            assert_eq!(Cause::of(Some(code), reason), cause, "{reason}");
        }
    }

    #[test]
    fn the_most_specific_reason_is_reported_and_the_newest_of_equals() {
        let mut reasons = Reasons::default();
        reasons.add(Cause::Name, "one");
        reasons.add(Cause::Down, "two");
        reasons.add(Cause::Name, "three");
        let words = reasons.words();
        assert_eq!(words.as_deref(), Some("its name is not known to the resolver: three"));
    }
}
