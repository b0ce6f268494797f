//! Decision which dead letters are replayed, based on the letters and the log, without I/O
//! (`docs/decisions/0014-replays-are-in-the-log.md`).

use std::collections::{BTreeSet, HashMap, HashSet};

use service::{Replayed, TopicNames, is_cut_short};

use super::letter::Letter;

/// Reasons for which the same bytes would be rejected again.
const HOPELESS: [&str; 3] = ["not_utf8", "not_json", "delta"];

/// Decision about a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Sent. `heard`: other records of its session were accepted around it.
    Send { heard: bool },
    /// Sent before.
    Sent,
    /// The log no longer shows whether it was sent.
    Unknown,
}

/// Returns the reason why a letter is not sent, if there is one.
pub(super) fn objection(letter: &Letter, names: &TopicNames, named: &[String]) -> Option<String> {
    let origins: &[&String] = match letter.stage.as_str() {
        "ingest" => &[&names.raw],
        "enrich" => &[&names.reports],
        "aggregate" => &[&names.enriched],
        "sink" => &[&names.cells, &names.sessions, &names.blocks, &names.enriched],
        _ => &[],
    };
    if !origins.contains(&&letter.source.topic) {
        return Some(format!(
            "{} does not read {}: not a letter of Isobar",
            letter.stage, letter.source.topic
        ));
    }
    if is_cut_short(&letter.detail) {
        return Some("contains only the beginning of its record".to_owned());
    }
    let hopeless = HOPELESS.contains(&letter.reason.as_str());
    (hopeless && !named.contains(&letter.reason)).then(|| {
        format!("{} is a defect of the bytes: sent only if --reason names it", letter.reason)
    })
}

/// The key of the record: the raw topic is keyed by session.
type Key = Option<Vec<u8>>;

/// Evidence in a partition's log about the dead letters that came from it.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// First offset that was read.
    from: i64,
    /// Append time from which all records were read, ms since the Unix epoch; unknown until the
    /// first record if the beginning of the log is deleted.
    whole_since_ms: Option<i64>,
    /// Length of ingest's look-back.
    look_back_ms: i64,
    /// Offsets of all letters.
    dead: &'a HashSet<i64>,
    /// Original offsets of replayed records, and those of them that this run replayed.
    sent: HashSet<i64>,
    sent_now: HashSet<i64>,
    /// First append times of records that were replayed before this run.
    sent_before: HashMap<Key, BTreeSet<i64>>,
    /// The letters to be judged.
    sessions: HashMap<Key, Session>,
}

/// Letters of one key, by time.
#[derive(Debug, Default)]
struct Session {
    /// First append times and offsets.
    letters: Vec<(i64, i64)>,
    /// Offsets of the letters that have other accepted records of their session around them.
    heard: HashSet<i64>,
    /// Index before which the letters are compared with all other records up to `latest_ms`. It
    /// avoids repeated comparisons, because records are nearly always in order of time.
    looked_at: usize,
    latest_ms: i64,
}

impl<'a> Evidence<'a> {
    /// Returns empty evidence about a log that is read from `from` on, for `letters` among the
    /// `dead`. `whole`: earlier records do not matter.
    pub(super) fn new(
        from: i64,
        whole: bool,
        look_back_ms: i64,
        letters: &[Letter],
        dead: &'a HashSet<i64>,
    ) -> Self {
        let mut sessions = HashMap::<Key, Session>::new();
        for letter in letters {
            let session = sessions.entry(letter.key.clone()).or_default();
            session.letters.push((letter.appended_ms, letter.source.offset));
        }
        for session in sessions.values_mut() {
            session.letters.sort_unstable();
        }
        Self {
            from,
            whole_since_ms: whole.then_some(i64::MIN),
            look_back_ms,
            dead,
            sent: HashSet::new(),
            sent_now: HashSet::new(),
            sent_before: HashMap::new(),
            sessions,
        }
    }

    /// Processes the next record of the log, at offset `at`, which is a replayed one.
    pub(super) fn sent_again(&mut self, key: Option<&[u8]>, at: i64, from: &Replayed) {
        let offset = from.offset.0;
        self.sent.insert(offset);
        // A record that was dead-lettered again does not count.
        if !self.sent_now.contains(&offset) && !self.dead.contains(&at) {
            let times = self.sent_before.entry(key.map(<[u8]>::to_vec)).or_default();
            times.insert(from.appended.0);
        }
    }

    /// Processes the next record of the log, which is not a replayed one.
    pub(super) fn other(&mut self, key: Option<&[u8]>, offset: i64, appended_ms: i64) {
        self.whole_since_ms.get_or_insert(appended_ms);
        if self.dead.contains(&offset) {
            return;
        }
        // Keys are copied only if needed.
        let Some(session) = self.sessions.get_mut(&key.map(<[u8]>::to_vec)) else { return };
        let (first, last) = (appended_ms - self.look_back_ms, appended_ms + self.look_back_ms);
        let begin = session.letters.partition_point(|(at_ms, _)| *at_ms < first);
        let end = session.letters.partition_point(|(at_ms, _)| *at_ms <= last);
        let seen = if appended_ms < session.latest_ms { 0 } else { session.looked_at };
        for (_, letter) in session.letters.get(begin.max(seen)..end).unwrap_or(&[]) {
            session.heard.insert(*letter);
        }
        session.latest_ms = session.latest_ms.max(appended_ms);
        session.looked_at = session.looked_at.max(end);
    }

    /// Returns the decision about `letter`. If it is sent, it counts as sent from now on.
    pub(super) fn judge(&mut self, letter: &Letter) -> Fate {
        let offset = letter.source.offset;
        if self.sent.contains(&offset) || self.sent_now.contains(&offset) {
            return Fate::Sent;
        }
        // A replayed record has a later offset than its source.
        if self.from > offset + 1 {
            return Fate::Unknown;
        }
        let at_ms = letter.appended_ms;
        let session = self.sessions.get(&letter.key);
        let beside = session.is_some_and(|session| session.heard.contains(&offset));
        // Letters replayed by earlier runs matter only if they are not older: the intervals of an
        // older one end before this letter.
        let before = self.sent_before.get(&letter.key);
        let among = before
            .is_some_and(|times| times.range(at_ms..=at_ms + self.look_back_ms).next().is_some());
        let since_ms = at_ms.saturating_sub(self.look_back_ms);
        let whole = self.whole_since_ms.is_some_and(|whole_ms| whole_ms <= since_ms);
        self.sent_now.insert(offset);
        Fate::Send { heard: beside || among || !whole }
    }
}

#[cfg(test)]
mod tests {
    use service::{AppendTime, Offset, Partition};

    use super::super::letter::tests::letter;
    use super::*;

    const LOOK_BACK_MS: i64 = 120_000;
    const KEY: Option<&[u8]> = Some(b"meet/c/p");
    const ALONE: Fate = Fate::Send { heard: false };
    const HEARD: Fate = Fate::Send { heard: true };

    /// Returns the append time of the raw record at `offset`.
    fn at_ms(offset: i64) -> i64 {
        letter(offset, "").appended_ms
    }

    /// Returns the fates of the letters at `offsets`, given a log that is read from its beginning
    /// and whose records are passed by `read_log`.
    fn fates(offsets: &[i64], read_log: impl FnOnce(&mut Evidence<'_>)) -> Vec<Fate> {
        let dead = offsets.iter().copied().collect();
        let letters: Vec<_> = offsets.iter().map(|offset| letter(*offset, "too_large")).collect();
        let mut evidence = Evidence::new(0, true, LOOK_BACK_MS, &letters, &dead);
        read_log(&mut evidence);
        letters.iter().map(|letter| evidence.judge(letter)).collect()
    }

    fn sent(offset: i64, evidence: &mut Evidence<'_>) {
        let from = Replayed {
            topic: "rtc-stats-raw-v1".to_owned(),
            partition: Partition(3),
            offset: Offset(offset),
            appended: AppendTime(at_ms(offset)),
            heard: false,
            sent_ms: at_ms(10_000 + offset),
        };
        evidence.sent_again(KEY, 10_000 + offset, &from);
    }

    #[test]
    fn a_letter_is_sent_once() {
        assert_eq!(fates(&[500], |_| ()), [ALONE]);
        assert_eq!(fates(&[500, 500], |_| ()), [ALONE, Fate::Sent], "two services rejected it");
        assert_eq!(fates(&[500], |log| sent(500, log)), [Fate::Sent]);
    }

    #[test]
    fn a_letter_whose_log_was_deleted_has_an_unknown_fate() {
        let (letter, dead) = (letter(500, "late"), [500].into());
        let from = |from| {
            let letters = std::slice::from_ref(&letter);
            Evidence::new(from, true, LOOK_BACK_MS, letters, &dead).judge(&letter)
        };
        assert_eq!([from(501), from(502)], [ALONE, Fate::Unknown]);
    }

    #[test]
    fn other_records_of_the_session_within_the_look_back_mark_a_letter() {
        for (at, fate) in [(379, ALONE), (380, HEARD), (620, HEARD), (621, ALONE)] {
            assert_eq!(fates(&[500], |log| log.other(KEY, at, at_ms(at))), [fate], "{at}");
        }
        let another = |log: &mut Evidence<'_>| log.other(Some(b"meet/c/q"), 501, at_ms(501));
        assert_eq!(fates(&[500], another), [ALONE]);
    }

    #[test]
    fn a_record_marks_only_the_letters_around_it() {
        let decided = fates(&[100, 300, 500, 700], |log| {
            for offset in [0, 310, 620] {
                log.other(KEY, offset, at_ms(offset));
            }
        });
        assert_eq!(decided, [HEARD, HEARD, HEARD, HEARD]);
        let decided = fates(&[100, 300, 500, 700], |log| log.other(KEY, 390, at_ms(390)));
        assert_eq!(decided, [ALONE, HEARD, HEARD, ALONE]);
    }

    #[test]
    fn dead_lettered_neighbours_mark_no_letter() {
        let decided = fates(&[499, 500, 501], |log| {
            for offset in [499, 500, 501] {
                log.other(KEY, offset, at_ms(offset));
            }
        });
        assert_eq!(decided, [ALONE; 3]);
    }

    #[test]
    fn an_interrupted_run_resumes_and_an_incomplete_one_does_not() {
        let sent_first = fates(&[499, 500, 501], |log| sent(499, log));
        assert_eq!(sent_first, [Fate::Sent, ALONE, ALONE]);
        // Everything between two letters that were sent together is covered.
        let decided = fates(&[499, 500, 501], |log| {
            sent(499, log);
            sent(501, log);
        });
        assert_eq!(decided, [Fate::Sent, HEARD, Fate::Sent]);
    }

    #[test]
    fn a_record_that_was_rejected_again_does_not_count() {
        let again = Letter { appended_ms: at_ms(500), ..letter(10_500, "too_large") };
        let (letters, dead) = ([letter(500, ""), again], [500, 10_500].into());
        let mut evidence = Evidence::new(0, true, LOOK_BACK_MS, &letters, &dead);
        sent(500, &mut evidence);
        assert_eq!(letters.map(|letter| evidence.judge(&letter)), [Fate::Sent, ALONE]);
    }

    #[test]
    fn records_sent_by_this_run_are_not_of_an_earlier_run() {
        let letters = [letter(499, ""), Letter { appended_ms: at_ms(499), ..letter(500, "") }];
        let dead = [499, 500].into();
        let mut evidence = Evidence::new(0, true, LOOK_BACK_MS, &letters, &dead);
        assert_eq!(evidence.judge(&letters[0]), ALONE);
        sent(499, &mut evidence);
        assert_eq!(evidence.judge(&letters[1]), ALONE);
    }

    #[test]
    fn without_the_log_before_a_letter_it_is_marked() {
        let (letter, dead) = (letter(500, "late"), [500].into());
        let first = |appended_ms| {
            let letters = std::slice::from_ref(&letter);
            let mut evidence = Evidence::new(400, false, LOOK_BACK_MS, letters, &dead);
            evidence.other(None, 400, appended_ms);
            evidence.judge(&letter)
        };
        assert_eq!(first(at_ms(380)), ALONE);
        assert_eq!(first(at_ms(380) + 1), HEARD);
    }

    #[test]
    fn only_letters_of_isobar_go_back_and_hopeless_ones_only_by_name() {
        let names = TopicNames::default();
        let good = letter(1, "too_large");
        assert_eq!(objection(&good, &names, &[]), None);
        let strange = Letter { stage: "sink".to_owned(), ..good.clone() };
        assert!(objection(&strange, &names, &[]).is_some_and(|why| why.contains("sink")));
        let hopeless = Letter { reason: "not_json".to_owned(), ..good };
        assert!(objection(&hopeless, &names, &[]).is_some());
        assert_eq!(objection(&hopeless, &names, &["not_json".to_owned()]), None);
    }
}
