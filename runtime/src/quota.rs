//! The limit on the share of dead letters, so that a wrong setting cannot divert the whole input.

use std::collections::VecDeque;

use service::Limits;

/// Running totals at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    at_ms: u64,
    read: u64,
    letters: u64,
}

/// A limit on the share of dead letters, over a sliding window.
#[derive(Debug)]
pub(crate) struct Quota {
    percent: u64,
    least: u64,
    window_ms: u64,
    /// At most one mark per second. The first is the newest that is at least a window old.
    marks: VecDeque<Mark>,
}

/// Distance of marks, so that a window contains a bounded number of them.
const STEP_MS: u64 = 1000;

impl Quota {
    /// Returns the limit of the settings, if they have one.
    pub(crate) fn new(limits: &Limits) -> Option<Self> {
        (limits.dead_letter_percent > 0).then(|| Self {
            percent: limits.dead_letter_percent.into(),
            least: limits.dead_letter_min.into(),
            window_ms: u64::from(limits.dead_letter_window_s) * 1000,
            marks: VecDeque::from([Mark::default()]),
        })
    }

    /// Adds the totals at `at_ms`. Returns a refusal if the window holds too many letters.
    pub(crate) fn exceeded(&mut self, at_ms: u64, read: u64, letters: u64) -> Option<String> {
        let old = |mark: &Mark| mark.at_ms + self.window_ms <= at_ms;
        while self.marks.get(1).is_some_and(old) {
            self.marks.pop_front();
        }
        let since = self.marks.front().copied().unwrap_or_default();
        let (in_letters, in_read) = (letters - since.letters, read - since.read);
        if self.marks.back().is_none_or(|last| at_ms >= last.at_ms + STEP_MS) {
            self.marks.push_back(Mark { at_ms, read, letters });
        }
        let too_many = in_letters >= self.least && in_letters * 100 > in_read * self.percent;
        too_many.then(|| {
            format!(
                "{in_letters} of the {in_read} records read in the last {} s were dead-lettered, \
                 more than limits.dead_letter_percent = {} allows. See why with `isobar dlq ls`; \
                 mend it, or raise the limit (0 switches it off), start again, and bring back what \
                 was good with `isobar dlq replay`",
                self.window_ms / 1000,
                self.percent
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn quota(percent: u32, min: u32, window_s: u32) -> Quota {
        Quota::new(&Limits {
            dead_letter_percent: percent,
            dead_letter_min: min,
            dead_letter_window_s: window_s,
            ..Limits::default()
        })
        .unwrap()
    }

    #[test]
    fn it_is_off_by_default() {
        assert!(Quota::new(&Limits::default()).is_none());
    }

    #[test]
    fn both_the_share_and_the_number_have_to_be_exceeded() {
        let mut quota = quota(20, 100, 60);
        assert_eq!(quota.exceeded(100, 99, 99), None, "few");
        assert_eq!(quota.exceeded(200, 500, 100), None, "a fifth is allowed");
        let text = quota.exceeded(300, 500, 101).unwrap();
        assert!(text.starts_with("101 of the 500 records"), "{text}");
    }

    #[test]
    fn values_older_than_the_window_do_not_count() {
        let mut quota = quota(50, 10, 60);
        assert_eq!(quota.exceeded(1000, 1000, 9), None);
        for s in 2..=120 {
            assert_eq!(quota.exceeded(s * 1000, 1000 + s, 9), None, "{s}");
        }
        assert!(quota.marks.len() <= 63, "{}", quota.marks.len());
        // 10 letters of 10 records in the window, though only 19 of 1130 in total.
        assert!(quota.exceeded(200_000, 1130, 19).is_some());
    }
}
