//! `isobar` as a separate process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::services::Metrics;

/// A running verb of `isobar`.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `isobar SERVICE` on the cluster at `brokers`, with settings `(KEY, value)` for the
    /// variables ISOBAR_KEY, and a separate log in `folder`.
    pub(crate) fn start(
        service: &str,
        brokers: &str,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        let count = fs::read_dir(folder).unwrap().count();
        let log = folder.join(format!("{service}-{count}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
        command
            .arg(service)
            .env("ISOBAR_KAFKA__BROKERS", brokers)
            .env("ISOBAR_SERVER__LISTEN", "127.0.0.1:0");
        for (key, value) in settings {
            command.env(format!("ISOBAR_{key}"), value);
        }
        Self::spawn(command, log)
    }

    /// Starts `command` with its output in `log`.
    pub(crate) fn spawn(mut command: Command, log: PathBuf) -> Self {
        let printed = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(printed.try_clone().unwrap()).stderr(printed);
        Self { child: command.spawn().unwrap(), log }
    }

    /// Returns the output so far.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits without a timeout until the output contains `words`: downloads may be needed first.
    pub(crate) fn wait_for_without_timeout(&mut self, words: &str) {
        while !self.output().contains(words) {
            let ended = self.child.try_wait().unwrap();
            assert_eq!(ended, None, "{words:?} is not in\n{}", self.output());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the output contains `words`.
    pub(crate) fn wait_for(&self, words: &str) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !self.output().contains(words) {
            assert!(Instant::now() < patience, "{words:?} is not in\n{}", self.output());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the listen address from the log, if it is there.
    pub(crate) fn address(&self) -> Option<String> {
        let printed = self.output();
        printed.split_once("address=")?.1.split_whitespace().next().map(str::to_owned)
    }

    /// Returns the metrics at the listen address of the log.
    pub(crate) fn metrics(&self) -> Metrics {
        self.try_metrics().unwrap()
    }

    /// Returns the metrics, or none if it does not respond.
    pub(crate) fn try_metrics(&self) -> Option<Metrics> {
        Metrics::of(&self.address()?)
    }

    /// Returns the exit code and last line if the process has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<(i32, String)> {
        let status = self.child.try_wait().unwrap()?;
        let printed = self.output();
        let last = printed.lines().last().unwrap_or_default();
        Some((status.code().unwrap_or(-1), last.to_owned()))
    }

    /// Returns true once the process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until the process ends by itself, and returns the exit code and last line.
    pub(crate) fn end(&mut self) -> (i32, String) {
        let patience = Instant::now() + Duration::from_secs(90);
        loop {
            if let Some(end) = self.ended() {
                return end;
            }
            assert!(Instant::now() < patience, "it goes on:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Sends SIGTERM and waits until the process has drained.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        assert_eq!(self.end().0, 0, "{}", self.output());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the processes that have `folder` in their command line, with that command line.
pub(crate) fn processes_of(folder: &Path) -> Vec<(Pid, String)> {
    let folder = folder.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            Some((Pid::from_raw(process), String::from_utf8_lossy(&line).replace('\0', " ")))
        })
        .filter(|(_, line)| line.contains(folder))
        .collect()
}

/// Waits until no process has `folder` in its command line.
pub(crate) fn assert_all_end(folder: &Path) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !processes_of(folder).is_empty() {
        assert!(Instant::now() < patience, "left behind: {:#?}", processes_of(folder));
        std::thread::sleep(Duration::from_millis(100));
    }
}
