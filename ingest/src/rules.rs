//! Limits in force at each offset of a partition.
//!
//! Every record is read more than once: again after a restart, for the state that follows from it,
//! and again by whoever takes over what is not committed yet. Each time it must be taken for the
//! same, whatever the settings say by then. So what is committed says by which limits records are
//! read up to some offset ahead; nothing that follows from a record beyond it is written before
//! more is committed; and changed settings begin where nothing is said yet.

use serde::{Deserialize, Serialize};
use service::{Commit, Committed};

use crate::settings::Settings;

/// Version of the metadata's format.
const VERSION: u32 = 1;

/// Least and most offsets ahead of which something is said.
const LEAST_REACH: i64 = 1000;
const MOST_REACH: i64 = 1 << 18;

/// Most changes that are remembered.
const MAX_SPANS: usize = 16;

/// Bytes of metadata, of which brokers take 4096: a change that does not fit waits until older ones
/// are forgotten.
const MOST_BYTES: usize = 4000;

/// Records from one offset on, up to the next span's, are read by one set of limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    from: i64,
    /// The log's time at its first record, ms, once that was read.
    since_ms: Option<i64>,
    #[serde(flatten)]
    limits: Settings,
}

/// What is committed beside an offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Metadata {
    v: u32,
    /// First offset of which nothing is said.
    until: i64,
    spans: Vec<Span>,
}

/// Reason for which ingest cannot continue from the committed metadata.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    #[error("its metadata cannot be read ({0})")]
    Unreadable(serde_json::Error),
    #[error("its metadata has form {0}, which a newer release wrote; this one knows {VERSION}")]
    Newer(u32),
}

impl Metadata {
    /// Parses committed metadata. Tools that set a group's offset leave no metadata.
    fn read(text: &str) -> Result<Option<Self>, RulesError> {
        #[derive(Deserialize)]
        struct Form {
            v: u32,
        }
        if text.is_empty() {
            return Ok(None);
        }
        let Form { v } = serde_json::from_str(text).map_err(RulesError::Unreadable)?;
        if v != VERSION {
            return Err(RulesError::Newer(v));
        }
        let metadata: Self = serde_json::from_str(text).map_err(RulesError::Unreadable)?;
        Ok(Some(metadata).filter(|metadata| !metadata.spans.is_empty()))
    }
}

/// Limits of a partition by offset, and their commits.
#[derive(Debug)]
pub(crate) struct Limits {
    wanted: Settings,
    /// By rising offset.
    spans: Vec<Span>,
    /// First offset of which nothing is said, committed or about to be.
    until: i64,
    /// First offset of which nothing is known to be committed.
    free: i64,
    /// First offset of which nothing was said by others.
    inherited: i64,
    /// What is known to be committed.
    committed: i64,
    /// What is to be committed.
    text: String,
}

impl Limits {
    /// Continues from committed metadata.
    pub(crate) fn resume(
        committed: Option<&Committed>,
        wanted: Settings,
    ) -> Result<Self, RulesError> {
        let offset = committed.map_or(0, |committed| committed.offset.0);
        let metadata = Metadata::read(committed.map_or("", |committed| &committed.metadata))?;
        let Metadata { until, spans, .. } = metadata.unwrap_or_else(|| {
            let first = Span { from: 0, since_ms: None, limits: wanted.clone() };
            Metadata { v: VERSION, until: offset, spans: vec![first] }
        });
        let until = until.max(offset);
        Ok(Self {
            wanted,
            spans,
            until,
            free: until,
            inherited: until,
            committed: offset,
            text: String::new(),
        })
    }

    /// Settings that hold from the next offset on of which nothing is said yet.
    pub(crate) fn want(&mut self, wanted: &Settings) {
        if self.wanted != *wanted {
            self.wanted = wanted.clone();
        }
    }

    /// Ms of the log on which what a record is taken for may depend.
    pub(crate) fn look_back_ms(&self) -> i64 {
        let spans = self.spans.iter().map(|span| span.limits.look_back_ms());
        spans.fold(self.wanted.look_back_ms(), i64::max)
    }

    /// Returns the limits in force for the record at `offset`, read at the log's time `now_ms`.
    pub(crate) fn limits(&mut self, offset: i64, now_ms: i64) -> &Settings {
        let after = self.spans.iter().rposition(|span| span.from <= offset);
        let span = &mut self.spans[after.unwrap_or(0)];
        span.since_ms.get_or_insert(now_ms);
        &span.limits
    }

    /// True if it is said by what the record at `offset` is read.
    pub(crate) const fn is_said(&self, offset: i64) -> bool {
        offset < self.until
    }

    /// True if what follows from the record at `offset` may be written.
    pub(crate) const fn may_write(&self, offset: i64) -> bool {
        offset < self.free
    }

    /// What to commit beside `next`, while `ahead`, that or a later offset, is the next one that
    /// is read: it says of more than that.
    pub(crate) fn say(&mut self, next: i64, ahead: i64, now_ms: i64) -> &str {
        // Eight times what is read from one commit to the next, for one may fail.
        let reach = (8 * (next - self.committed)).clamp(LEAST_REACH, MOST_REACH);
        if self.text.is_empty() || self.until - ahead.max(next) < reach / 2 {
            self.forget(now_ms);
            let is_other = self.spans.last().is_some_and(|last| last.limits != self.wanted);
            if is_other && self.spans.len() < MAX_SPANS {
                let limits = self.wanted.clone();
                self.spans.push(Span { from: self.until, since_ms: None, limits });
                if self.written().len() > MOST_BYTES {
                    self.spans.pop();
                }
            }
            self.until = self.until.max(ahead.max(next) + reach);
            self.text = self.written();
        }
        &self.text
    }

    /// What to commit beside `next` if nothing from there on will be read here: only what others
    /// said before holds on, so that changed settings need not wait for more.
    pub(crate) fn last_word(&mut self, next: i64) -> &str {
        self.until = self.inherited.max(next);
        let kept = self.spans.partition_point(|span| span.from < self.until).max(1);
        self.spans.truncate(kept);
        self.text = self.written();
        &self.text
    }

    /// Notes that a commit was made.
    pub(crate) fn committed(&mut self, commit: &Commit) {
        if let Ok(Some(metadata)) = Metadata::read(&commit.metadata) {
            self.free = self.free.max(metadata.until);
            self.committed = self.committed.max(commit.offset.0);
        }
    }

    fn written(&self) -> String {
        let metadata = Metadata { v: VERSION, until: self.until, spans: self.spans.clone() };
        // Numbers under names: there is nothing that JSON cannot hold.
        serde_json::to_string(&metadata).unwrap_or_default()
    }

    /// Drops spans that no restart reads again. Brokers' clocks may differ, hence twice as long.
    fn forget(&mut self, now_ms: i64) {
        let oldest_ms = now_ms.saturating_sub(2 * self.look_back_ms());
        let is_over = |next: &Span| next.since_ms.is_some_and(|since_ms| since_ms < oldest_ms);
        let over = self.spans.iter().skip(1).take_while(|next| is_over(next)).count();
        self.spans.drain(..over);
    }
}
