//! Child processes that end with `isobar` at the latest.

use std::fs::File;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deploy::deadline::Deadline;
use deploy::failure::{Context, Failure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::ended::{self, Ended, Next};

/// A separate process that knows all children of `isobar` and ends them if `isobar` is killed.
///
/// It detects this by the end of the pipe between them, independently of signals and of the thread
/// that started it.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Mutex<GuardProcess>>);

#[derive(Debug)]
struct GuardProcess {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts the guard: `isobar guard`.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start(isobar: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(isobar)
            .arg("guard")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .context(isobar.display())?;
        let pipe = child.stdin.take();
        Ok(Self(Arc::new(Mutex::new(GuardProcess { child, pipe }))))
    }

    fn send(&self, line: &str) -> Result<(), Failure> {
        let mut process = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pipe) = process.pipe.as_mut() else { return Ok(()) };
        pipe.write_all(line.as_bytes()).context("the guard of the child processes is gone")
    }
}

impl Drop for GuardProcess {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // It ends by itself when the pipe is closed; an error of waiting needs no handling.
        let _ = self.child.wait();
    }
}

/// Runs `isobar guard`: reads `+PID` and `-PID` until the pipe ends, then ends the processes that are left.
pub fn guard(lines: impl BufRead) {
    let mut groups = Vec::new();
    for line in lines.lines().map_while(Result::ok) {
        match line.split_at_checked(1) {
            Some(("+", group)) => groups.extend(group.parse().map(Pid::from_raw)),
            Some(("-", group)) => groups.retain(|known: &Pid| known.to_string() != group),
            _ => {}
        }
    }
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        groups.retain(|group| killpg(*group, signal).is_ok());
        let patience = Deadline::after(Duration::from_secs(10));
        while !groups.is_empty() && !patience.passed() {
            std::thread::sleep(Duration::from_millis(50));
            groups.retain(|group| killpg(*group, None).is_ok());
        }
    }
}

/// A child in a process group of its own, so that Ctrl-C reaches `isobar` alone.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guard: Guard,
    status: Option<ExitStatus>,
    log: PathBuf,
    /// Length of the log before the start, bytes.
    log_from: u64,
}

impl Process {
    /// Starts `command` with its output appended to `log`.
    ///
    /// # Errors
    /// If it cannot be started or the log cannot be written.
    pub fn start(guard: &Guard, mut command: Command, log: &Path) -> Result<Self, Failure> {
        let output = File::options().create(true).append(true).open(log).context(log.display())?;
        let errors = output.try_clone().context(log.display())?;
        let log_from = output.metadata().context(log.display())?.len();
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let child = command.spawn().context(command.get_program().display())?;
        let process =
            Self { child, guard: guard.clone(), status: None, log: log.to_owned(), log_from };
        guard.send(&format!("+{}\n", process.id()))?;
        Ok(process)
    }

    /// Returns the process id, which is also that of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = Some(self.child.try_wait().ok().flatten()?);
            // Its process id may be reused.
            let _ = self.guard.send(&format!("-{}\n", self.id()));
        }
        self.status
    }

    /// Returns the description of its end, if it has ended, under `name`.
    pub fn end(&mut self, name: &str, next: Next) -> Option<Ended> {
        let status = self.ended()?;
        let (how, reason) = (ended::how(status), ended::reason(status, &self.log, self.log_from));
        Some(Ended { name: name.to_owned(), how, reason, log: self.log.clone(), next })
    }

    /// Sends `signal`, if it still runs.
    pub fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            let _ = killpg(Pid::from_raw(self.id().cast_signed()), signal);
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// Sends SIGTERM, waits, and kills it after `patience`. True if it ended without being killed.
    pub fn stop(&mut self, patience: Duration) -> bool {
        if self.ended().is_some() {
            return true;
        }
        self.terminate();
        if self.wait(patience) {
            return true;
        }
        self.signal(Signal::SIGKILL);
        self.wait(Duration::from_secs(10));
        false
    }

    /// Waits until it has ended; false if `patience` is over first.
    pub fn wait(&mut self, patience: Duration) -> bool {
        let deadline = Deadline::after(patience);
        loop {
            if self.ended().is_some() {
                return true;
            }
            if deadline.passed() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(10));
    }
}

/// Schedule of restarts of a server that ended by itself, with growing pauses.
#[derive(Debug)]
pub(super) struct Revival {
    due: Option<Instant>,
    started: Instant,
    pause: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Time after which a process counts as started successfully.
const SETTLED: Duration = Duration::from_secs(60);

impl Revival {
    /// Returns the schedule of a server that starts now.
    pub(super) fn new() -> Self {
        Self { due: None, started: Instant::now(), pause: FIRST_PAUSE }
    }

    /// Schedules a restart.
    pub(super) fn plan(&mut self) {
        if self.started.elapsed() > SETTLED {
            self.pause = FIRST_PAUSE;
        }
        self.due = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Returns true, once, when a restart is due.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.due.take_if(|due| Instant::now() >= *due).is_some();
        if due {
            self.started = Instant::now();
        }
        due
    }

    /// Looks at the `process` of the server called `name`, which is taken out once it has ended by
    /// itself. Returns its end, if that was since the last look, and whether to start it again now.
    pub(super) fn look(
        &mut self,
        process: &mut Option<Process>,
        name: &str,
    ) -> (Option<Ended>, bool) {
        let ended = process.as_mut().and_then(|process| process.end(name, Next::Again));
        if ended.is_some() {
            *process = None;
            self.plan();
        }
        let is_due = ended.is_none() && self.is_due();
        (ended, is_due)
    }

    /// Ends `process`, and returns when it is gone. It is not started again by itself.
    pub(super) fn stop(&mut self, process: &mut Option<Process>, patience: Duration) {
        self.due = None;
        if let Some(mut process) = process.take() {
            process.stop(patience);
        }
    }
}
