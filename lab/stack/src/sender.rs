//! The simulator as a process, with its progress.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use deploy::connect::{Cluster, KafkaArgs};
use deploy::failure::{Context, Failure};
use world::producer::Progress;

use crate::options::World;
use crate::{Process, Stack};

/// Timeout of the end: it still flushes its events.
const STOP: Duration = Duration::from_secs(60);

/// `isobar simulate` in a process of its own.
#[derive(Debug)]
pub struct Sender {
    process: Process,
    progress: BufReader<File>,
    unfinished: String,
    log: PathBuf,
    /// The truth file: everything that was sent.
    pub truth: PathBuf,
    /// The last progress that it reported.
    pub last: Progress,
}

impl Sender {
    /// Starts to send `world` to a stack.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(stack: &Stack, world: &World) -> Result<Self, Failure> {
        Self::start_at(&stack.cluster(), "world", stack, world)
    }

    /// Starts to send `world` to `cluster`, with files named after `name` beside those of the stack.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_at(
        cluster: &Cluster,
        name: &str,
        stack: &Stack,
        world: &World,
    ) -> Result<Self, Failure> {
        let file = |ending: &str| stack.folder().join(format!("{name}.{ending}.jsonl"));
        let (truth, progress) = (file("truth"), file("progress"));
        File::create(&progress).context(progress.display())?;
        let mut command = Command::new(stack.isobar());
        command.arg("simulate").args(world.arguments()).args(KafkaArgs::from(cluster).arguments());
        command.arg("--topic").arg(&cluster.names.topics.raw);
        command.arg("--truth").arg(&truth).arg("--progress").arg(&progress);
        let log = stack.logs().join(format!("{name}.log"));
        Ok(Self {
            process: Process::start(stack.guard(), command, &log)?,
            progress: BufReader::new(File::open(&progress).context(progress.display())?),
            unfinished: String::new(),
            log,
            truth,
            last: Progress::default(),
        })
    }

    /// Returns its process id, which is also that of its group.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Reads the progress since the last call.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn news(&mut self) -> Result<Vec<Progress>, Failure> {
        let mut news = Vec::new();
        while self.progress.read_line(&mut self.unfinished).context("progress")? > 0 {
            // A line without an end is still being written.
            if self.unfinished.ends_with('\n') {
                news.push(serde_json::from_str(&self.unfinished).context("progress")?);
                self.unfinished.clear();
            }
        }
        self.last = news.last().copied().unwrap_or(self.last);
        Ok(news)
    }

    /// Returns true if it has ended successfully.
    ///
    /// # Errors
    /// If it failed.
    pub fn ended(&mut self) -> Result<bool, Failure> {
        match self.process.ended() {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(status) => {
                let log = self.log.display();
                Err(Failure::Refused(format!("the simulator failed ({status}); see {log}")))
            }
        }
    }

    /// Returns true once it has reported progress. Before that it may not handle signals yet, and SIGTERM would
    /// kill it.
    ///
    /// # Errors
    /// If the file of its progress cannot be read.
    pub fn has_begun(&self) -> Result<bool, Failure> {
        let progress = self.progress.get_ref().metadata().context("progress")?;
        Ok(progress.len() > 0)
    }

    /// Sends SIGTERM, and does not wait. False if it has not begun, and the call must be repeated.
    ///
    /// # Errors
    /// If the file of its progress cannot be read.
    pub fn ask_to_end(&mut self) -> Result<bool, Failure> {
        let begun = self.has_begun()?;
        if begun {
            self.process.terminate();
        }
        Ok(begun)
    }

    /// Sends SIGTERM, and waits until it has sent all of its events.
    ///
    /// # Errors
    /// If it fails, or does not end by itself.
    pub fn stop(&mut self) -> Result<(), Failure> {
        let asked = Instant::now();
        while !self.has_begun()? && !self.ended()? && asked.elapsed() < STOP {
            sleep(Duration::from_millis(50));
        }
        if !self.process.stop(STOP) {
            return Err(Failure::Refused("the simulator did not end in time".into()));
        }
        self.ended().map(|_| ())
    }
}
