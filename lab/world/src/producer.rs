//! Sending of a world to Kafka's raw topic, and writing of its truth.

mod ahead;
mod options;
mod silence;

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use crate::replayed;
use crate::world::{Delivery, Settings, World};
use ahead::Ahead;
pub use options::{Options, PlayError, Progress, Report};
pub use silence::explain;

/// Interval of progress reports, and the longest time for which a signal to stop goes unnoticed.
const BEAT: Duration = Duration::from_millis(200);

/// Pause before sending is retried when the client's queue is full.
const FULL_QUEUE: Duration = Duration::from_millis(2);

/// Acknowledgements of Kafka.
#[derive(Default)]
struct Answers {
    records: AtomicU64,
    intervals: AtomicU64,
    refused: AtomicU64,
}

impl rdkafka::ClientContext for Answers {}

impl ProducerContext for Answers {
    /// The number of intervals of the record.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, intervals: usize) {
        match result {
            Ok(_) => self.intervals.fetch_add(intervals as u64, Ordering::Relaxed),
            Err(_) => self.refused.fetch_add(1, Ordering::Relaxed),
        };
        self.records.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a world until it ends or `stop` is set; then waits until Kafka has acknowledged all
/// records. Calls `on_progress` five times per second meanwhile.
///
/// # Errors
/// When the options are invalid, a file cannot be written, or Kafka cannot keep up.
pub fn run(
    options: &Options,
    stop: &AtomicBool,
    mut on_progress: impl FnMut(&Progress),
) -> Result<Report, PlayError> {
    let settings = options.world(now_us())?;
    let mut player = Player::new(options, settings, &mut on_progress)?;
    let played = player.play_all(World::new(settings)?, stop);
    if matches!(played, Err(PlayError::Silent { .. })) {
        // A stalled client may hang when it is dropped.
        std::mem::forget(player);
    }
    played
}

fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

struct Player<'a> {
    options: &'a Options,
    on_progress: &'a mut dyn FnMut(&Progress),
    settings: Settings,
    /// The longest delay of a record for which the truth is valid.
    longest_stall: Duration,
    producer: ThreadedProducer<Answers>,
    truth: Option<replayed::Writer>,
    ahead: Option<Ahead>,
    progress: Option<File>,
    started: Instant,
    last_beat: Instant,
    /// Time of the last acknowledgement, or at which none was pending; and the number of
    /// acknowledgements.
    answered: (Instant, u64),
    records: u64,
    reports: u64,
    intervals: u64,
    sessions: u64,
    /// Time of the last delivery.
    at_us: i64,
    bytes: u64,
}

impl<'a> Player<'a> {
    fn new(
        options: &'a Options,
        settings: Settings,
        on_progress: &'a mut dyn FnMut(&Progress),
    ) -> Result<Self, PlayError> {
        let create = |path: &PathBuf| {
            File::create(path).map_err(|source| PlayError::File { path: path.clone(), source })
        };
        let truth = options.truth.as_ref().map(create).transpose()?;
        let truth =
            truth.map(|file| replayed::Writer::new(file, &settings.header())).transpose()?;
        let started = Instant::now();
        Ok(Self {
            options,
            on_progress,
            settings,
            longest_stall: Duration::from_micros(settings.longest_stall_us() as u64),
            producer: ThreadedProducer::from_config_and_context(
                &client(options),
                Answers::default(),
            )?,
            truth,
            ahead: options.counted.clone().map(Ahead::new),
            progress: options.progress.as_ref().map(create).transpose()?,
            started,
            last_beat: started,
            answered: (started, 0),
            records: 0,
            reports: 0,
            intervals: 0,
            sessions: 0,
            at_us: settings.start_us,
            bytes: 0,
        })
    }

    fn play_all(&mut self, world: World, stop: &AtomicBool) -> Result<Report, PlayError> {
        for delivery in world {
            if self.settings.history.is_some() && delivery.at_us > now_us() {
                break;
            }
            self.let_others_follow(stop)?;
            if self.is_due(&delivery, stop)? {
                self.play(&delivery, stop)?;
            }
            let has_enough = self.options.reports.is_some_and(|n| self.reports >= n);
            if stop.load(Ordering::Relaxed) || has_enough {
                break;
            }
        }
        self.finish()
    }

    /// Waits for a pipeline that is far behind, for a while.
    fn let_others_follow(&mut self, stop: &AtomicBool) -> Result<(), PlayError> {
        let Some(ahead) = &mut self.ahead else { return Ok(()) };
        let Some(until) = ahead.pause(self.records) else { return Ok(()) };
        while Instant::now() < until
            && self.ahead.as_ref().is_some_and(|ahead| ahead.is_far(self.records))
            && !stop.load(Ordering::Relaxed)
        {
            thread::sleep(FULL_QUEUE);
            self.beat()?;
        }
        Ok(())
    }

    /// Waits for a delivery's time; false if the play stops first.
    fn is_due(&mut self, delivery: &Delivery, stop: &AtomicBool) -> Result<bool, PlayError> {
        let after = Duration::from_micros((delivery.at_us - self.settings.start_us) as u64);
        loop {
            self.beat()?;
            let left = after.saturating_sub(self.started.elapsed());
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if self.is_fast() || left.is_zero() {
                return self.keeps_up(after).map(|()| true);
            }
            thread::sleep(left.min(BEAT));
        }
    }

    const fn is_fast(&self) -> bool {
        self.options.fast || self.settings.history.is_some()
    }

    fn keeps_up(&self, due_after: Duration) -> Result<(), PlayError> {
        let behind = self.started.elapsed().saturating_sub(due_after);
        if self.is_fast() { Ok(()) } else { self.bears(behind) }
    }

    /// Returns an error if the truth is not valid after a stall of this length.
    fn bears(&self, stall: Duration) -> Result<(), PlayError> {
        let longest = self.longest_stall;
        if stall > longest { Err(PlayError::Behind { stall, longest }) } else { Ok(()) }
    }

    /// Returns an error if Kafka has acknowledged nothing for so long that the truth is not valid.
    fn check_acknowledgements(&self) -> Result<(), PlayError> {
        let (since, acknowledged) = self.answered;
        let silence = since.elapsed();
        if silence <= self.longest_stall {
            return Ok(());
        }
        let why = explain(&client(self.options), &self.options.topic);
        Err(PlayError::Silent { silence, acknowledged, sent: self.records, why })
    }

    /// Passes a delivery to the Kafka client, and writes its truth to the file. Does neither if
    /// sending is stopped while the client's queue is full.
    fn play(&mut self, delivery: &Delivery, stop: &AtomicBool) -> Result<(), PlayError> {
        let intervals = delivery.truth.event.as_ref().map_or(0, |event| event.intervals.len());
        let mut record = BaseRecord::with_opaque_to(&self.options.topic, intervals)
            .key(&delivery.key)
            .payload(&delivery.payload);
        while let Err((error, again)) = self.producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            record = again;
            thread::sleep(FULL_QUEUE);
            self.beat()?;
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        self.records += 1;
        self.reports += u64::from(intervals > 0);
        self.intervals += intervals as u64;
        self.sessions += u64::from(delivery.truth.introduces.is_some());
        self.at_us = delivery.at_us;
        self.bytes += delivery.payload.len() as u64;
        if let Some(truth) = &mut self.truth {
            truth.write(&delivery.truth)?;
        }
        Ok(())
    }

    /// Reports progress, and checks whether Kafka still answers.
    fn beat(&mut self) -> Result<(), PlayError> {
        if self.last_beat.elapsed() < BEAT {
            return Ok(());
        }
        self.last_beat = Instant::now();
        let answers = self.producer.context();
        match answers.refused.load(Ordering::Relaxed) {
            0 => {}
            refused => return Err(PlayError::Refused(refused)),
        }
        let answered = answers.records.load(Ordering::Relaxed);
        if answered > self.answered.1 || answered == self.records {
            self.answered = (self.last_beat, answered);
        }
        self.check_acknowledgements()?;
        let progress = Progress {
            wall_ms: now_us() / 1000,
            records_sent: self.records,
            intervals_sent: self.intervals,
            intervals_acknowledged: answers.intervals.load(Ordering::Relaxed),
            sessions: self.sessions,
            at_us: self.at_us,
        };
        (self.on_progress)(&progress);
        if let (Some(file), Some(path)) = (&mut self.progress, &self.options.progress) {
            let written =
                serde_json::to_vec(&progress).map_err(io::Error::from).and_then(|mut line| {
                    line.push(b'\n');
                    file.write_all(&line)
                });
            written.map_err(|source| PlayError::File { path: path.clone(), source })?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Report, PlayError> {
        if let Some(truth) = &mut self.truth {
            truth.finish()?;
        }
        while self.producer.context().records.load(Ordering::Relaxed) < self.records {
            match self.producer.flush(BEAT) {
                Ok(()) | Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) => {}
                Err(error) => return Err(error.into()),
            }
            self.beat()?;
        }
        self.last_beat = self.started;
        self.beat()?;
        Ok(Report {
            settings: self.settings,
            records: self.records,
            intervals: self.intervals,
            sessions: self.sessions,
            bytes: self.bytes,
            took: self.started.elapsed(),
        })
    }
}

fn client(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.brokers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "0")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        .set("linger.ms", "50")
        .set("batch.size", "500000")
        .set("queue.buffering.max.kbytes", "65536")
        // Above the limit of the raw topic.
        .set("message.max.bytes", "4194304")
        // A returning broker must be found soon, because the world continues.
        .set("reconnect.backoff.max.ms", "1000");
    for (name, value) in &options.kafka {
        config.set(name, value);
    }
    config
}

#[cfg(test)]
mod tests;
