//! Detection of stalled clients.
//!
//! A client of librdkafka can stay without brokers for ever, while any other client reaches the
//! cluster (librdkafka#5301). So if a client makes no progress, a new client is tried as well.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use service::{Kafka, Topics};

use crate::reach::{Unserved, serves};

/// Longest time that counts between two checks, beside that of unanswered requests. A process that was
/// stopped meanwhile, perhaps with its machine, has not waited.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait of a new client for one answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Number of limits without progress after which the consumer is recreated although the cluster is
/// down.
const RENEW: u32 = 10;

/// Result of a check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// No action is needed.
    GoOn,
    /// The consumer has to be replaced: the cluster was down for long.
    Renew,
    /// A client has stalled, although a new one is served; names the client.
    Stalled(String),
}

/// Measure of progress. No progress is expected while it is `None`.
pub(crate) type Mark = Option<u64>;

/// Time that one client has made no progress.
#[derive(Debug, Default)]
struct Silence {
    mark: Mark,
    total: Duration,
    /// Time without progress since a new client was last found without an answer.
    unexplained: Duration,
}

impl Silence {
    fn look(&mut self, mark: Mark, passed: Duration) {
        if mark.is_none() || mark != self.mark {
            *self = Self { mark, ..Self::default() };
        } else {
            self.total += passed;
            self.unexplained += passed;
        }
    }
}

/// Result of a trial with a new client.
type Answer = Result<(), Unserved>;

/// Starts a trial with a new client on a thread of its own.
pub(crate) type Ask = Box<dyn Fn() -> Receiver<Answer>>;

/// Monitor of the consumer and the producer.
pub(crate) struct Liveness {
    limit: Duration,
    consumer: Silence,
    producer: Silence,
    last_look: Option<Instant>,
    ask: Ask,
    asked: Option<(Receiver<Answer>, Instant)>,
    next_ask: Option<Instant>,
    /// Reason why a new client is not served, if known.
    down: Option<Unserved>,
    /// Whether a new client has found during this silence that the cluster has returned. It counts only
    /// once, because new clients always find this if one of the addresses of a name has no broker.
    returned: bool,
    renew_at: Duration,
}

impl Liveness {
    /// Returns a monitor that reports a stall after `limit` without progress.
    pub(crate) fn new(limit: Duration, kafka: &Kafka, topics: &Topics) -> Self {
        let (kafka, topics) = (kafka.clone(), topics.clone());
        Self::with(limit, Box::new(move || asked(&kafka, &topics)))
    }

    fn with(limit: Duration, ask: Ask) -> Self {
        Self {
            limit,
            consumer: Silence::default(),
            producer: Silence::default(),
            last_look: None,
            ask,
            asked: None,
            next_ask: None,
            down: None,
            returned: false,
            renew_at: limit * RENEW,
        }
    }

    /// Returns the reason why the cluster does not serve a new client either, while that is so.
    pub(crate) const fn down(&self) -> Option<&Unserved> {
        self.down.as_ref()
    }

    /// Checks the progress of both at `now`. `unanswered` is the time since the last check that the caller
    /// waited for answers that did not come.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        consumer: Mark,
        producer: Mark,
        unanswered: Duration,
    ) -> Next {
        let since = self.last_look.map_or(Duration::ZERO, |last| now - last);
        let passed = since.min(LOOK + unanswered);
        self.last_look = Some(now);
        self.consumer.look(consumer, passed);
        self.producer.look(producer, passed);
        // Trials begin before the limit, so that an outage is known if the cluster returns just
        // before it.
        if self.consumer.total.max(self.producer.total) < self.limit / 2 {
            self.down = None;
            self.returned = false;
            self.asked = None;
            self.renew_at = self.limit * RENEW;
            return Next::GoOn;
        }
        let answer = match self.received(now) {
            Some(Err(Unserved::Returned)) if self.returned => Some(Ok(())),
            answer => answer,
        };
        match answer {
            Some(Ok(())) => {
                self.down = None;
                if let Some(who) = self.stands_still() {
                    return Next::Stalled(who);
                }
            }
            Some(Err(reason)) => {
                self.returned |= reason == Unserved::Returned;
                self.down = Some(reason);
                self.consumer.unexplained = Duration::ZERO;
                self.producer.unexplained = Duration::ZERO;
            }
            None => {}
        }
        if self.down.is_some() && self.consumer.total >= self.renew_at {
            self.renew_at = self.consumer.total + self.limit * RENEW;
            return Next::Renew;
        }
        Next::GoOn
    }

    fn stands_still(&self) -> Option<String> {
        let s = self.limit.as_secs();
        if self.consumer.unexplained >= self.limit {
            return Some(format!(
                "the consumer has had no response from the group's coordinator, or none about the \
                 offsets to start from, for {s} s"
            ));
        }
        (self.producer.unexplained >= self.limit)
            .then(|| format!("the producer has had no write acknowledged for {s} s"))
    }

    /// Returns the result of a trial, if there is one; starts the next one when it is due.
    fn received(&mut self, now: Instant) -> Option<Answer> {
        let every = (self.limit / 5).clamp(LOOK, ANSWER);
        if let Some((answers, since)) = &self.asked {
            let answer = match answers.try_recv() {
                Ok(answer) => answer,
                // The new client may hang as well.
                Err(TryRecvError::Empty) if now - *since < ANSWER * 10 => return None,
                Err(_) => Err(Unserved::Hangs),
            };
            self.asked = None;
            // The decisive trial is due at the limit.
            let left =
                self.limit.saturating_sub(self.consumer.unexplained.max(self.producer.unexplained));
            let pause = if left.is_zero() { every } else { every.min(left.max(LOOK / 2)) };
            self.next_ask = Some(now + pause);
            return Some(answer);
        }
        if self.next_ask.is_none_or(|at| now >= at) {
            self.asked = Some(((self.ask)(), now));
        }
        None
    }
}

/// Tries a new client of the cluster.
fn asked(kafka: &Kafka, topics: &Topics) -> Receiver<Answer> {
    let (sender, answers) = channel();
    let (kafka, topics) = (kafka.clone(), topics.clone());
    let work = move || {
        // Sending fails when the receiver has stopped waiting for the answer.
        let _ = sender.send(serves(&kafka, &topics, ANSWER));
    };
    // Without a thread the channel is closed, which is an answer, too.
    if let Err(error) = thread::Builder::new().name("new client".to_owned()).spawn(work) {
        tracing::debug!("no thread to ask a new client on: {error}");
    }
    answers
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    struct Bench {
        liveness: Liveness,
        answer: Rc<RefCell<Answer>>,
        now: Instant,
    }

    impl Bench {
        fn new(answer: Answer) -> Self {
            let answer = Rc::new(RefCell::new(answer));
            let answers = Rc::clone(&answer);
            let ask = move || {
                let (sender, receiver) = channel();
                sender.send(answers.borrow().clone()).unwrap();
                receiver
            };
            let liveness = Liveness::with(LIMIT, Box::new(ask));
            Self { liveness, answer, now: Instant::now() }
        }

        /// Checks twice a second for `seconds` with these marks. Stops at the first result other
        /// than [`Next::GoOn`], and returns it with the seconds that passed.
        fn look(&mut self, seconds: u64, consumer: Mark, producer: Mark) -> (u64, Next) {
            for half in 0..seconds * 2 {
                self.now += Duration::from_millis(500);
                let next = self.liveness.look(self.now, consumer, producer, Duration::ZERO);
                if next != Next::GoOn {
                    return (half / 2, next);
                }
            }
            (seconds, Next::GoOn)
        }
    }

    fn is_stalled(next: &Next, who: &str) -> bool {
        matches!(next, Next::Stalled(text) if text.starts_with(who))
    }

    #[test]
    fn a_client_without_progress_is_stalled_if_a_new_one_is_served() {
        let mut bench = Bench::new(Ok(()));
        let (after, next) = bench.look(60, Some(7), None);
        assert!(is_stalled(&next, "the consumer") && (20..23).contains(&after), "{after} {next:?}");
        let mut bench = Bench::new(Ok(()));
        for second in 0..100 {
            assert_eq!(bench.look(1, Some(second), None).1, Next::GoOn);
        }
        let mut bench = Bench::new(Ok(()));
        for second in 0..19 {
            assert_eq!(bench.look(1, Some(second), Some(3)).1, Next::GoOn);
        }
        assert!(is_stalled(&bench.look(3, Some(99), Some(3)).1, "the producer"));
    }

    #[test]
    fn a_service_waits_for_a_cluster_that_is_down_and_restarts_the_limit() {
        let mut bench = Bench::new(Err(Unserved::NoBroker));
        assert_eq!(bench.look(100, Some(7), Some(1)).1, Next::GoOn);
        assert_eq!(bench.liveness.down(), Some(&Unserved::NoBroker));
        *bench.answer.borrow_mut() = Ok(());
        assert_eq!(bench.look(14, Some(7), Some(1)).1, Next::GoOn);
        assert_eq!(bench.liveness.down(), None);
        let (after, next) = bench.look(12, Some(7), Some(1));
        assert!(is_stalled(&next, "the consumer"), "{after} {next:?}");
        // A client that recovers by itself is not stalled.
        let mut bench = Bench::new(Err(Unserved::NoBroker));
        bench.look(100, Some(7), None);
        *bench.answer.borrow_mut() = Ok(());
        bench.look(10, Some(7), None);
        assert_eq!(bench.look(19, Some(8), None).1, Next::GoOn);
    }

    /// A new client that is created just before the cluster returns is served without an earlier
    /// error.
    #[test]
    fn a_cluster_that_returns_during_a_trial_is_given_the_limit_once() {
        let mut bench = Bench::new(Err(Unserved::Returned));
        let (after, next) = bench.look(80, Some(7), None);
        assert!(is_stalled(&next, "the consumer") && (30..36).contains(&after), "{after} {next:?}");
    }

    #[test]
    fn a_cluster_that_returns_just_before_the_limit_is_given_the_limit() {
        let mut bench = Bench::new(Err(Unserved::NoBroker));
        assert_eq!(bench.look(18, Some(7), None).1, Next::GoOn);
        *bench.answer.borrow_mut() = Ok(());
        let (after, next) = bench.look(30, Some(7), None);
        assert!(is_stalled(&next, "the consumer") && after > 14, "{after} {next:?}");
    }

    #[test]
    fn after_every_ten_limits_without_a_cluster_the_consumer_is_replaced() {
        let mut bench = Bench::new(Err(Unserved::NoBroker));
        for _ in 0..2 {
            let (after, next) = bench.look(300, Some(7), None);
            assert!(next == Next::Renew && (198..202).contains(&after), "{after} {next:?}");
        }
    }

    #[test]
    fn a_process_that_was_stopped_has_not_waited() {
        let mut bench = Bench::new(Ok(()));
        assert_eq!(bench.look(10, Some(7), None).1, Next::GoOn);
        bench.now += Duration::from_secs(90);
        assert_eq!(bench.look(5, Some(7), None).1, Next::GoOn);
    }

    #[test]
    fn requests_without_an_answer_count_as_silence_however_long_they_block() {
        let mut bench = Bench::new(Ok(()));
        let mut next = Next::GoOn;
        let mut attempts = 0;
        while next == Next::GoOn && attempts < 10 {
            attempts += 1;
            bench.now += Duration::from_secs(10);
            next = bench.liveness.look(bench.now, Some(7), None, Duration::from_secs(10));
        }
        assert!(is_stalled(&next, "the consumer") && attempts < 5, "{attempts} {next:?}");
    }

    #[test]
    fn without_work_no_new_client_is_tried() {
        let mut bench = Bench::new(Err(Unserved::NoBroker));
        assert_eq!(bench.look(300, None, None).1, Next::GoOn);
        assert_eq!(bench.liveness.down(), None);
    }
}
