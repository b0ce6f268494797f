//! Descriptions of processes that exited.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::signal::Signal;

/// Number of bytes at the end of a log that are searched for the reason.
const END: u64 = 8192;
/// Maximum characters of a reason.
const LONGEST: usize = 300;
/// Words in log lines that state the reason of an end, of the services, of Kafka and of ClickHouse.
const MARKS: [&str; 5] = ["ERROR", "FATAL", "Fatal", "Exception", "error"];

/// A process that ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub name: String,
    /// Exit code or signal: `exit code 70`, `SIGKILL`.
    pub how: String,
    /// The last line about it in the log, if there is one.
    pub reason: Option<String>,
    /// The log.
    pub log: PathBuf,
    /// The consequence.
    pub next: Next,
}

/// Consequence of the end of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The process is restarted.
    Again,
    /// The process is not restarted, because that would not help.
    Stays,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, how, reason, log, next } = self;
        write!(f, "{name} ended ({how}")?;
        if let Some(reason) = reason {
            write!(f, ": {reason}")?;
        }
        let log = log.display();
        match next {
            Next::Again => write!(f, "); starting it again; its log is {log}"),
            Next::Stays => write!(
                f,
                "); it is not started again, because that does not help (docs/reference/exit-codes.md); \
                 its log is {log}"
            ),
        }
    }
}

/// Describes how a process ended.
#[must_use]
pub(crate) fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => Signal::try_from(signal)
            .map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned()),
        (None, None) => "no exit code".to_owned(),
    }
}

/// Returns the last line of `log` from byte `from` on that states the reason of an end with `status`, or
/// else its last line; none if there is no line, or if the process was killed: that comes from outside, and
/// no line of its log is about it.
#[must_use]
pub(super) fn reason(status: ExitStatus, log: &Path, from: u64) -> Option<String> {
    if status.signal() == Some(Signal::SIGKILL as i32) {
        return None;
    }
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    let start = from.max(length.saturating_sub(END)).min(length);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    // Lines of a stack trace name exceptions, but add nothing to its first line.
    let states_reason =
        |line: &&str| !line.starts_with("at ") && MARKS.iter().any(|mark| line.contains(mark));
    let line = lines().rfind(states_reason).or_else(|| lines().next_back())?;
    let harmless = line.chars().filter(|letter| !letter.is_control());
    Some(harmless.take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_reason_is_the_last_line_of_this_run_that_gives_one() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let earlier = "ERROR what ended the run before\n";
        let of = |text: &str| {
            std::fs::write(&log, format!("{earlier}{text}")).unwrap();
            reason(ExitStatus::from_raw(70 << 8), &log, earlier.len() as u64)
        };
        assert_eq!(of(""), None);
        assert_eq!(of("started\nlistening\n").as_deref(), Some("listening"));
        let text = "INFO started\nERROR sink: code 60\nINFO ended\n\n";
        assert_eq!(of(text).as_deref(), Some("ERROR sink: code 60"));
        let text = "FATAL java.io.IOException: no space\n\tat java.base/Error.x(Y.java:1)\n";
        assert_eq!(of(text).as_deref(), Some("FATAL java.io.IOException: no space"));
        assert_eq!(of("ERROR \x1b[31mred\x07\n").as_deref(), Some("ERROR [31mred"));
        assert_eq!(of(&"ERROR é".repeat(2000)).unwrap().chars().count(), LONGEST);
        let failed = ExitStatus::from_raw(70 << 8);
        assert_eq!(reason(failed, &folder.path().join("none"), 0), None);
        assert_eq!(
            of("WARN the log appears to be empty\n").as_deref(),
            Some("WARN the log appears to be empty")
        );
        let killed = ExitStatus::from_raw(Signal::SIGKILL as i32);
        assert_eq!(reason(killed, &log, 0), None, "no line is about a kill");
    }

    #[test]
    fn an_end_is_described_with_code_or_signal_reason_and_consequence() {
        assert_eq!(how(ExitStatus::from_raw(70 << 8)), "exit code 70");
        assert_eq!(how(ExitStatus::from_raw(9)), "SIGKILL");
        let mut ended = Ended {
            name: "sink".to_owned(),
            how: "exit code 70".to_owned(),
            reason: Some("why".to_owned()),
            log: "/logs/sink.log".into(),
            next: Next::Again,
        };
        let again = "sink ended (exit code 70: why); starting it again; its log is /logs/sink.log";
        assert_eq!(ended.to_string(), again);
        (ended.next, ended.reason) = (Next::Stays, None);
        let words = ended.to_string();
        assert!(words.contains("(exit code 70)") && words.contains("exit-codes.md"), "{words}");
    }
}
