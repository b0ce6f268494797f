//! Monitoring of a simulated world and the arrival of its intervals.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use deploy::failure::Failure;
use world::producer::Progress;

use super::freshness::Freshness;
use super::sender::Sender;
use super::view::{Arrived, View};
use crate::Stack;
use crate::options::World;

const LOOK: Duration = Duration::from_millis(250);
/// Window of the rate: results come in bursts some seconds apart.
const RECENT: Duration = Duration::from_secs(15);
/// Time without progress after which missing intervals count as lost.
const STALLED: Duration = Duration::from_secs(60);

/// A running simulation, with the intervals that have arrived.
pub struct Watch {
    /// Time of the start.
    pub started: Instant,
    /// Reader of the views.
    pub view: View,
    /// Latencies from sent to visible.
    pub freshness: Freshness,
    sender: Sender,
    /// Begin of the windows that are read, seconds since 1970.
    from_s: u32,
    /// Arrived before this world began.
    earlier: Arrived,
    /// Arrived since.
    arrived: Arrived,
    /// Time since which ClickHouse does not answer.
    unanswered: Option<Instant>,
    last_arrival: Instant,
    /// Recent arrivals with their times.
    recent: VecDeque<(Instant, u64)>,
}

impl Watch {
    /// Starts to send `world` to a stack. Intervals of an earlier world are not counted; they must have arrived by
    /// now.
    ///
    /// # Errors
    /// If the simulator cannot be started, or ClickHouse does not answer.
    pub async fn start(stack: &Stack, world: &World) -> Result<Self, Failure> {
        Self::start_from(stack, world, 0).await
    }

    /// As [`Watch::start`], but reads only windows that begin at `from_s` (seconds since 1970) or later: counting
    /// weeks of cells four times a second would slow down what is measured.
    ///
    /// # Errors
    /// As [`Watch::start`].
    pub async fn start_from(stack: &Stack, world: &World, from_s: u32) -> Result<Self, Failure> {
        let view = View::of(&stack.access());
        let earlier = view.arrived_since(from_s).await?;
        let now = Instant::now();
        Ok(Self {
            started: now,
            view,
            from_s,
            earlier,
            freshness: Freshness::default(),
            sender: Sender::start(stack, world)?,
            arrived: Arrived::default(),
            unanswered: None,
            last_arrival: now,
            recent: VecDeque::new(),
        })
    }

    /// Reads the progress of both sides. Waits for a ClickHouse that is being restarted.
    ///
    /// # Errors
    /// If ClickHouse has not answered for a minute.
    pub async fn look(&mut self) -> Result<(), Failure> {
        let arrived = match self.view.arrived_since(self.from_s).await {
            Ok(arrived) => arrived.since(self.earlier),
            Err(failure) => {
                let since = *self.unanswered.get_or_insert_with(Instant::now);
                return if since.elapsed() > STALLED { Err(failure) } else { Ok(()) };
            }
        };
        self.unanswered = None;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        for progress in self.sender.news()? {
            self.freshness.sent(progress.wall_ms, progress.intervals_sent);
        }
        self.freshness.seen(now.as_millis() as i64, arrived.intervals.cast_unsigned());
        if arrived != self.arrived {
            self.last_arrival = Instant::now();
            self.arrived = arrived;
        }
        self.recent.push_back((Instant::now(), self.intervals()));
        while self.recent.front().is_some_and(|(then, _)| then.elapsed() > RECENT) {
            self.recent.pop_front();
        }
        Ok(())
    }

    /// Returns true if the world has ended by itself.
    ///
    /// # Errors
    /// If the simulator failed.
    pub fn sender_ended(&mut self) -> Result<bool, Failure> {
        self.sender.ended()
    }

    /// Ends the world, and waits until all its data has arrived, or until no more arrives.
    ///
    /// # Errors
    /// If the simulator failed, or ClickHouse does not answer.
    pub async fn drain(&mut self) -> Result<(), Failure> {
        self.sender.stop()?;
        self.last_arrival = Instant::now();
        loop {
            self.look().await?;
            if self.all_arrived() || self.last_arrival.elapsed() > STALLED {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn all_arrived(&self) -> bool {
        let sent = self.sender.last;
        self.arrived.raw_records.cast_unsigned() >= sent.records_sent
            && self.intervals() >= sent.intervals_sent
    }

    /// Returns the last progress of the simulator.
    #[must_use]
    pub fn sent(&self) -> Progress {
        self.sender.last
    }

    /// Returns the number of intervals that have arrived.
    #[must_use]
    pub fn intervals(&self) -> u64 {
        self.arrived.intervals.cast_unsigned()
    }

    /// Returns the recent rate of arrivals, intervals per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let Some((then, before)) = self.recent.front() else { return 0.0 };
        let new = self.intervals().saturating_sub(*before);
        new as f64 / then.elapsed().max(LOOK).as_secs_f64()
    }

    /// Returns the time from the first interval sent to the last one that arrived.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.last_arrival.duration_since(self.started)
    }

    /// Returns the truth file.
    #[must_use]
    pub fn truth(&self) -> PathBuf {
        self.sender.truth.clone()
    }
}
