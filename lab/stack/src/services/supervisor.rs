//! Restarts of services after their processes exit.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deploy::failure::{Context, Failure};

use super::Launch;
use super::usage::Usage;
use crate::{Ended, Next, Process};

const LOOK: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Time after which a process counts as started successfully.
const SETTLED: Duration = Duration::from_secs(30);
/// Exit codes after which a restart does not help: settings (64), ports (78) and refusals (80 to 99, except
/// 90: a stalled client of Kafka).
const HOPELESS: [RangeInclusive<i32>; 4] = [64..=64, 78..=78, 80..=89, 91..=99];

/// Maximum number of ends that are kept until they are read.
const MOST_NEWS: usize = 100;

/// Bytes and lines at the end of a log that are shown as the reason of an exit: errors of settings
/// have one line each.
const LAST_WORDS: usize = 4096;
const LAST_LINES: usize = 8;

/// A service and its present process.
#[derive(Debug)]
pub struct Supervised {
    /// Its start parameters.
    pub launch: Launch,
    /// The process that runs, if one does.
    pub process: Option<Process>,
    /// Number of restarts.
    pub restarts: u32,
    /// Number of ends by exit code, of processes that ended by themselves; -1 if they were killed.
    pub exits: BTreeMap<i32, u32>,
    /// Ends since the last call of [`Supervised::news`].
    news: Vec<Ended>,
    state: State,
    pause: Duration,
    earlier: Usage,
    current: Usage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs { since: Instant },
    StartsAgain { at: Instant },
    Hopeless { code: i32 },
    Retired,
}

impl Supervised {
    /// Starts the process.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(launch: Launch) -> Result<Self, Failure> {
        let process = Some(launch.start()?);
        let state = State::Runs { since: Instant::now() };
        Ok(Self { process, state, ..Self::idle(launch) })
    }

    /// Returns a service without a process, until [`Supervised::resume`].
    pub fn idle(launch: Launch) -> Self {
        Self {
            launch,
            process: None,
            restarts: 0,
            exits: BTreeMap::new(),
            news: Vec::new(),
            state: State::Retired,
            pause: FIRST_PAUSE,
            earlier: Usage::default(),
            current: Usage::default(),
        }
    }

    /// Checks the process.
    fn look(&mut self) {
        match self.state {
            State::Runs { since } => {
                let Some(code) = self.ended_unasked() else { return };
                *self.exits.entry(code).or_default() += 1;
                if self.launch.gives_up && is_hopeless(code) {
                    self.state = State::Hopeless { code };
                    return;
                }
                if since.elapsed() > SETTLED {
                    self.pause = FIRST_PAUSE;
                }
                self.state = State::StartsAgain { at: Instant::now() + self.pause };
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
            State::StartsAgain { at } if Instant::now() >= at => {
                let now = Instant::now();
                self.process = self.launch.start().ok();
                self.restarts += 1;
                self.state = match self.process {
                    Some(_) => State::Runs { since: now },
                    None => State::StartsAgain { at: now + self.pause },
                };
            }
            State::StartsAgain { .. } | State::Hopeless { .. } | State::Retired => {}
        }
    }

    /// Returns the exit code, once it has ended by itself.
    fn ended_unasked(&mut self) -> Option<i32> {
        self.measure();
        let gives_up = self.launch.gives_up;
        let process = self.process.as_mut()?;
        let code = process.ended().map(|status| status.code().unwrap_or(-1));
        let stays = code.is_some_and(|code| gives_up && is_hopeless(code));
        let next = if stays { Next::Stays } else { Next::Again };
        let news = process.end(self.launch.service.name(), next);
        let code = self.ended();
        self.news.extend(news);
        // They may never be read.
        self.news.truncate(MOST_NEWS);
        code
    }

    /// Returns the ends since the last call.
    pub(super) fn news(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.news)
    }

    /// Returns the exit code, once it has ended; -1 if it was killed.
    fn ended(&mut self) -> Option<i32> {
        // The usage of an ended process is available until it is waited for.
        self.measure();
        let status = self.process.as_mut()?.ended()?;
        self.earlier = self.earlier.and(self.current);
        self.current = Usage::default();
        self.process = None;
        Some(status.code().unwrap_or(-1))
    }

    fn measure(&mut self) {
        let now = self.process.as_ref().and_then(|process| Usage::of(process.id()));
        self.current = now.map_or(self.current, |now| self.current.max(now));
    }

    pub(super) fn usage(&mut self) -> Usage {
        self.measure();
        self.earlier.and(self.current)
    }

    /// Returns the reason why it will never be ready, if there is one.
    pub(super) fn refusal(&mut self) -> Option<Failure> {
        let State::Hopeless { code } = self.state else { return None };
        let (name, log) = (self.launch.service.name(), self.launch.log.display());
        // The text is copied because the log's folder may be deleted with this process.
        let words = last_words(&self.launch.log);
        Some(Failure::Refused(format!(
            "{name} refuses to start (exit code {code}); see {log}\n{words}"
        )))
    }

    /// Starts it, at once or as soon as the previous process has ended.
    pub fn resume(&mut self) {
        self.state = match self.process {
            None => State::StartsAgain { at: Instant::now() },
            Some(_) => State::Runs { since: Instant::now() },
        };
    }

    /// Sends SIGTERM to the process, and does not wait.
    pub fn terminate(&mut self) {
        if let Some(process) = &mut self.process {
            process.terminate();
        }
    }

    /// Returns true if there is no process any more.
    pub fn is_gone(&mut self) -> bool {
        self.process.is_none() || self.ended().is_some()
    }

    /// Marks it as ended on purpose.
    pub fn retire(&mut self) {
        self.state = State::Retired;
    }

    /// Ends the process, after its drain.
    pub fn stop(&mut self, patience: Duration) {
        self.terminate();
        let deadline = Instant::now() + patience;
        while self.ended().is_none() && self.process.is_some() {
            if Instant::now() >= deadline {
                self.process = None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Returns the last lines of a service's log.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(LAST_WORDS)..]).into_owned();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// Returns true for an exit code after which a restart does not help.
pub fn is_hopeless(code: i32) -> bool {
    HOPELESS.iter().any(|codes| codes.contains(&code))
}

/// Restarts the services until they are dropped.
pub fn spawn(supervised: Weak<Mutex<Vec<Supervised>>>) -> Result<JoinHandle<()>, Failure> {
    let watch = move || {
        while let Some(supervised) = supervised.upgrade() {
            let mut supervised = supervised.lock().unwrap_or_else(PoisonError::into_inner);
            supervised.iter_mut().for_each(Supervised::look);
            drop(supervised);
            std::thread::sleep(LOOK);
        }
    };
    std::thread::Builder::new().name("supervisor".into()).spawn(watch).context("supervisor")
}
