//! What became of each recording: for the person who has to find it, or to mend it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::ReplayError;
use super::raw::Raw;
use super::recording::{Expanded, Refusal, Unread};

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By file, in the order of the command line.
    pub files: Vec<FileReport>,
}

/// What a replay did with one recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The recording.
    pub path: PathBuf,
    /// Events that the broker acknowledged.
    pub events: u64,
    /// Of them, getStats() reports.
    pub reports: u64,
    /// Sessions that they are of: application, call and participant.
    pub sessions: BTreeSet<[String; 3]>,
    /// Events that ingest would not take, which are not sent: how many by reason, and the detail of
    /// the first.
    pub refused: BTreeMap<&'static str, (u64, String)>,
    /// Why nothing of it can be read.
    pub unreadable: Option<Refusal>,
    /// Lines or values that could not be read.
    pub unread: Unread,
    /// Events and statistics that tell no time, or none that can be read.
    pub untimed: u64,
}

/// Sessions of a file that are named.
const NAMED: usize = 3;

impl Report {
    /// Events that the broker acknowledged.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.files.iter().map(|file| file.events).sum()
    }

    /// Of them, getStats() reports.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.files.iter().map(|file| file.reports).sum()
    }

    /// True if of some file nothing, or no statistics that it has, could be used.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.files.iter().any(FileReport::is_refused)
    }
}

impl FileReport {
    /// Of a recording of which nothing can be read.
    pub(super) fn refused(path: &Path, why: Refusal) -> Self {
        Self { path: path.to_owned(), unreadable: Some(why), ..Self::default() }
    }

    fn is_refused(&self) -> bool {
        self.unreadable.is_some() || (self.reports == 0 && !self.refused.is_empty())
    }
}

/// Takes out of a recording what ingest would not take. Of one whose statistics are all refused,
/// nothing is left: a session without them would tell nobody why.
pub(super) fn examine(
    path: &Path,
    expanded: Expanded,
) -> Result<(FileReport, Vec<Raw>), ReplayError> {
    let Expanded { records, unread, untimed } = expanded;
    let mut report = FileReport { path: path.to_owned(), unread, untimed, ..FileReport::default() };
    let mut taken = Vec::with_capacity(records.len());
    for record in records {
        let payload = record.payload().map_err(ReplayError::Event)?;
        match ingest::examine(&payload, record.key().as_bytes()) {
            Ok(()) => taken.push(record),
            Err(refusal) => {
                let (count, _) =
                    report.refused.entry(refusal.reason).or_insert((0, refusal.detail));
                *count += 1;
            }
        }
    }
    report.reports = taken.iter().filter(|record| record.has_report()).count() as u64;
    if report.is_refused() {
        taken.clear();
    }
    report.events = taken.len() as u64;
    report.sessions = taken.iter().map(Raw::session).collect();
    Ok((report, taken))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{file}")?;
        }
        write!(f, "{} events, {} of them reports", self.events(), self.reports())
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names may hold anything, and are shown to a terminal.
        write!(f, "{}: ", self.path.display().to_string().escape_debug())?;
        if let Some(why) = self.unreadable {
            return write!(f, "refused: {why}");
        }
        if self.is_refused() {
            f.write_str("nothing sent: ingest would refuse all of its statistics")?;
        } else {
            write!(f, "{} events, {} of them reports", self.events, self.reports)?;
        }
        for [app, call, participant] in self.sessions.iter().take(NAMED) {
            let [app, call, participant] = [app, call, participant].map(|name| name.escape_debug());
            write!(f, "; call \"{call}\", participant \"{participant}\", app \"{app}\"")?;
        }
        match self.sessions.len().checked_sub(NAMED) {
            None | Some(0) => {}
            Some(more) => write!(f, "; and {more} other sessions")?,
        }
        if self.unread.count > 0 {
            write!(f, "; {} lines could not be read", self.unread.count)?;
        }
        if let Some(line) = self.unread.first_line {
            write!(f, ", first line {line}")?;
        }
        if self.untimed > 0 {
            write!(f, "; {} that tell no time were left out", self.untimed)?;
        }
        for (reason, (count, detail)) in &self.refused {
            write!(f, "\n  refused {count} as {reason}: {detail}")?;
        }
        Ok(())
    }
}
