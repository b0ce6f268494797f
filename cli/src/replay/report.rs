//! The report of a replay: the result for each recording.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use expand::outcome::{Expanded, Refusal, Unread};
use expand::raw::Raw;

use super::ReplayError;

/// Report of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Results by file, in the order of the command line.
    pub files: Vec<FileReport>,
}

/// Result for one recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The recording.
    pub path: PathBuf,
    /// Events that the broker acknowledged.
    pub events: u64,
    /// Number of getStats() reports among them.
    pub reports: u64,
    /// Their sessions: application, call and participant.
    pub sessions: BTreeSet<[String; 3]>,
    /// Events that ingest would refuse, which are not sent: number by reason, with the detail of
    /// the first one.
    pub refused: BTreeMap<&'static str, (u64, String)>,
    /// Reason why it cannot be read.
    pub unreadable: Option<Refusal>,
    /// Lines or values that could not be read.
    pub unread: Unread,
    /// Events and statistics without a time, or with an unreadable one.
    pub untimed: u64,
}

/// Maximum number of sessions of a file that are named.
const NAMED: usize = 3;

impl Report {
    /// Returns the events that the broker acknowledged.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.files.iter().map(|file| file.events).sum()
    }

    /// Number of getStats() reports among them.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.files.iter().map(|file| file.reports).sum()
    }

    /// Returns whether no events, or none of the possible statistics, of some file could be used.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.files.iter().any(FileReport::is_refused)
    }
}

impl FileReport {
    /// Returns the report of a recording of which nothing can be read.
    pub(super) fn refused(path: &Path, why: Refusal) -> Self {
        Self { path: path.to_owned(), unreadable: Some(why), ..Self::default() }
    }

    /// Returns whether no events or none of the possible statistics could be used: without any
    /// report, an unreadable line may have been one.
    fn is_refused(&self) -> bool {
        let is_unused = !self.refused.is_empty() || self.unread.count + self.untimed > 0;
        self.unreadable.is_some() || (self.reports == 0 && is_unused)
    }
}

/// Removes the events of a recording that ingest would refuse. If all statistics are refused,
/// nothing is sent: a session without statistics would not show the reason.
pub(super) fn examine(
    path: &Path,
    expanded: Expanded,
) -> Result<(FileReport, Vec<Raw>), ReplayError> {
    let Expanded { records, unread, untimed } = expanded;
    let mut report = FileReport { path: path.to_owned(), unread, untimed, ..FileReport::default() };
    let mut taken = Vec::with_capacity(records.len());
    for record in records {
        let payload = record.payload()?;
        match ingest::examine(&payload, record.key().as_bytes()) {
            Ok(()) => taken.push(record),
            Err(refusal) => {
                let (count, _) =
                    report.refused.entry(refusal.reason).or_insert((0, refusal.detail));
                *count += 1;
            }
        }
    }
    report.events = taken.len() as u64;
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
        // Names may contain control characters.
        write!(f, "{}: ", self.path.display().to_string().escape_debug())?;
        if let Some(why) = &self.unreadable {
            return write!(f, "refused: {why}");
        }
        if self.is_refused() && self.refused.is_empty() {
            f.write_str("nothing sent: no statistics could be read")?;
        } else if self.is_refused() {
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
        if let Some(why) = &self.unread.why {
            write!(f, ": {why}")?;
        }
        if self.untimed > 0 {
            write!(f, "; {} without a time were left out", self.untimed)?;
        }
        for (reason, (count, detail)) in &self.refused {
            write!(f, "\n  refused {count} as {reason}: {detail}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use expand::budget::Budget;
    use expand::raw::Labels;
    use expand::recording;
    use serde_json::json;

    use super::*;

    /// Returns the text about a recording, whether it is refused, and the number of events to send.
    fn summary(recording: &str) -> (String, bool, usize) {
        let labels = Labels { app: None, call: None, client_address: None, name: "tape" };
        let path = Path::new("calls/tape.jsonl");
        let (of_file, sent) =
            match recording::read(recording.as_bytes(), labels, &Budget::of_mb(10)) {
                Ok(expanded) => examine(path, expanded).unwrap(),
                Err(why) => (FileReport::refused(path, why), Vec::new()),
            };
        let report = Report { files: vec![of_file] };
        (report.to_string(), report.is_refused(), sent.len())
    }

    fn lines(values: &[serde_json::Value]) -> String {
        values.iter().map(|value| format!("{value}\n")).collect()
    }

    const NOW_MS: u64 = 1_790_000_000_000;

    fn stats(call: serde_json::Value, second: u64) -> serde_json::Value {
        let time = NOW_MS + second * 1_000;
        let received = json!({
            "id": 7, "type": "inbound-rtp", "kind": "audio", "ssrc": 21, "timestamp": time,
            "packetsReceived": 40 * second, "packetsLost": 0, "bytesReceived": 3_000 * second,
        });
        json!({
            "v": 1, "event": "stats", "app": "meet", "call": call, "participant": 9,
            "timestamp": time, "report": [received],
        })
    }

    #[test]
    fn a_file_shows_the_call_of_its_events() {
        let tape = lines(&[stats(json!("sprint"), 1), stats(json!("sprint"), 6)]);
        let (text, refused, sent) = summary(&tape);
        assert_eq!((refused, sent), (false, 2));
        let of_file = "calls/tape.jsonl: 2 events, 2 of them reports; call \"sprint\", \
                       participant \"9\", app \"meet\"";
        assert_eq!(text, format!("{of_file}\n2 events, 2 of them reports"));
    }

    #[test]
    fn a_partly_refused_file_shows_the_part_and_the_reason() {
        let no_call = stats(json!(null), 6);
        let (text, refused, sent) = summary(&lines(&[
            stats(json!(311), 1),
            json!({"v": 1, "event": "hello", "app": "meet", "call": 311, "participant": 9,
                   "timestamp": NOW_MS}),
            no_call,
            stats(json!(311), 11),
        ]));
        assert_eq!((refused, sent), (false, 3), "{text}");
        for words in ["call \"311\"", "refused 1 as unknown_event: event"] {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
    }

    #[test]
    fn a_file_whose_statistics_are_all_refused_is_not_sent() {
        let legacy = |second: u64| {
            let old = json!({"type": "ssrc", "timestamp": 0, "googRtt": "40", "packetsSent": "9"});
            json!(["getstats", 3, {"ssrc_5_send": old}, NOW_MS + second * 1_000])
        };
        let created = json!(["create", 3, {}, NOW_MS]);
        let (text, refused, sent) = summary(&lines(&[created, legacy(1), legacy(2)]));
        assert_eq!((refused, sent), (true, 0), "{text}");
        for words in ["nothing sent", "refused 2 as legacy_get_stats", "0 events, 0 of them"] {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
    }

    #[test]
    fn a_file_of_which_no_statistics_can_be_read_is_not_sent() {
        let line = |name: &str, value: serde_json::Value, second: u64| {
            json!([name, "PC_0", value, NOW_MS + second * 1_000])
        };
        let broken = [1, 2, 3].map(|second| line("getstats", json!("a text"), second));
        let around = |between: &[serde_json::Value]| {
            let (created, closed) = (line("create", json!({}), 0), line("close", json!(null), 9));
            let whole: [&[serde_json::Value]; 3] = [&[created], between, &[closed]];
            lines(&whole.concat())
        };
        let (text, refused, sent) = summary(&around(&broken));
        assert_eq!((refused, sent), (true, 0), "{text}");
        for words in ["nothing sent: no statistics", "3 lines could not be read, first line 2"] {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
        let (text, refused, sent) = summary(&around(&[]));
        assert_eq!((refused, sent), (false, 2), "a call that was left at once: {text}");
        let whole = line("getstats", json!({"A": {"type": "codec", "timestamp": 0}}), 4);
        let (text, refused, sent) = summary(&around(&[broken[0].clone(), whole]));
        assert_eq!((refused, sent), (false, 3), "{text}");
    }

    #[test]
    fn an_unreadable_file_shows_what_to_do() {
        let broken = "{\"v\": 1, \"event\": \"stats\", \"report\": {\"a\": {\"jitter\": NaN}}}\n";
        let dump = "[\"create\",\"PC_0\",{},1790000000000]\n";
        for (recording, words) in [
            (broken.to_owned(), "line 1 is no JSON"),
            (broken.to_owned(), "neither NaN nor Infinity: send null"),
            (json!({"room": 1, "stats": {}}).to_string(), "Object.fromEntries(report)"),
            (json!({"stats": "{\"a\":1}"}).to_string(), "a text of JSON is not read"),
            (dump.replace("{}", "NaN").repeat(2), "neither NaN nor Infinity"),
            (json!(["getstats", "PC_0", 5, NOW_MS]).to_string(), "1 lines could not be read"),
            ("bad news".to_owned(), "none of the formats that are read"),
        ] {
            let (text, refused, sent) = summary(&recording);
            assert_eq!((refused, sent), (true, 0), "{text}");
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
    }

    #[test]
    fn a_broken_line_beside_whole_ones_is_explained() {
        let broken = stats(json!("sprint"), 6).to_string().replace("240", "-Infinity");
        let tape = lines(&[stats(json!("sprint"), 1)]) + &broken;
        let (text, refused, sent) = summary(&tape);
        assert_eq!((refused, sent), (false, 1), "{text}");
        assert!(text.contains("1 lines could not be read, first line 2: "), "{text}");
        assert!(text.contains("JSON has neither NaN nor Infinity"), "{text}");
    }

    #[test]
    fn numbers_beyond_a_double_are_sent_as_they_are() {
        let huge = stats(json!("sprint"), 6).to_string().replace("240", "1e999");
        let (text, refused, sent) = summary(&huge);
        assert_eq!((refused, sent), (false, 1), "{text}");
    }
}
