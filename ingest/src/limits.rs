//! Limits in force at each offset of a partition.
//!
//! A record may be read several times: after a restart to rebuild state, and by the next owner of
//! the partition if it was not committed. Its outcome must be the same each time, regardless of the
//! settings at that time. So the committed metadata contains the limits of all records up to some
//! offset ahead; output of a record beyond this offset is written only after the next commit; and
//! changed settings apply from the first offset that is not covered.

use serde::{Deserialize, Serialize};
use service::{Commit, Committed};

use crate::settings::Settings;

/// Version of the metadata's format.
const VERSION: u32 = 1;

/// Minimum and maximum number of offsets ahead that the metadata covers.
const LEAST_REACH: i64 = 1000;
const MOST_REACH: i64 = 1 << 18;

/// Maximum number of changes in the metadata.
const MAX_SPANS: usize = 16;

/// Bytes of metadata, of which brokers take 4096: a change that does not fit waits until older ones
/// are dropped.
const MOST_BYTES: usize = 4000;

/// Limits of the records from one offset up to the next span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    from: i64,
    /// The log's time at its first record, ms, once it was read.
    since_ms: Option<i64>,
    #[serde(flatten)]
    limits: Settings,
}

/// Metadata committed with an offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Metadata {
    v: u32,
    /// First offset that is not covered.
    until: i64,
    spans: Vec<Span>,
}

/// Reason why ingest cannot continue from the committed metadata.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitsError {
    #[error("its metadata cannot be read ({0})")]
    Unreadable(serde_json::Error),
    #[error(
        "its metadata has form {0}, which was written by a newer release; this release knows form {VERSION}"
    )]
    Newer(u32),
}

impl Metadata {
    /// Parses committed metadata. Tools that set a group's offset leave no metadata.
    fn read(text: &str) -> Result<Option<Self>, LimitsError> {
        #[derive(Deserialize)]
        struct Form {
            v: u32,
        }
        if text.is_empty() {
            return Ok(None);
        }
        let Form { v } = serde_json::from_str(text).map_err(LimitsError::Unreadable)?;
        if v != VERSION {
            return Err(LimitsError::Newer(v));
        }
        let metadata: Self = serde_json::from_str(text).map_err(LimitsError::Unreadable)?;
        Ok(Some(metadata).filter(|metadata| !metadata.spans.is_empty()))
    }
}

/// Limits of a partition by offset, and their commits.
#[derive(Debug)]
pub(crate) struct Limits {
    wanted: Settings,
    /// Spans by ascending offset.
    spans: Vec<Span>,
    /// First offset that no metadata covers, committed or about to be.
    until: i64,
    /// First offset not known to be covered by committed metadata.
    free: i64,
    /// First offset that the metadata of the previous owner does not cover.
    inherited: i64,
    /// Offset known to be committed.
    committed: i64,
    /// Metadata to commit.
    text: String,
}

impl Limits {
    /// Continues from committed metadata.
    pub(crate) fn resume(
        committed: Option<&Committed>,
        wanted: Settings,
    ) -> Result<Self, LimitsError> {
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

    /// Sets the settings that apply from the first offset that is not covered yet.
    pub(crate) fn want(&mut self, wanted: &Settings) {
        if self.wanted != *wanted {
            self.wanted = wanted.clone();
        }
    }

    /// Returns the length of the log before a record on which its outcome may depend, ms.
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

    /// Returns whether the metadata covers the record at `offset`.
    pub(crate) const fn is_covered(&self, offset: i64) -> bool {
        offset < self.until
    }

    /// Returns whether output of the record at `offset` may be written.
    pub(crate) const fn may_write(&self, offset: i64) -> bool {
        offset < self.free
    }

    /// Returns the metadata to commit with `next`. It covers offsets beyond `ahead`, the next
    /// offset to read, which is `next` or later.
    pub(crate) fn metadata(&mut self, next: i64, ahead: i64, now_ms: i64) -> &str {
        // Eight times the number of records between two commits, because commits may fail.
        let reach = (8 * (next - self.committed)).clamp(LEAST_REACH, MOST_REACH);
        if self.text.is_empty() || self.until - ahead.max(next) < reach / 2 {
            self.drop_old(now_ms);
            let is_other = self.spans.last().is_some_and(|last| last.limits != self.wanted);
            if is_other && self.spans.len() < MAX_SPANS {
                let limits = self.wanted.clone();
                self.spans.push(Span { from: self.until, since_ms: None, limits });
                if self.to_text().len() > MOST_BYTES {
                    self.spans.pop();
                }
            }
            self.until = self.until.max(ahead.max(next) + reach);
            self.text = self.to_text();
        }
        &self.text
    }

    /// Returns the metadata to commit with `next` if this process reads no further records. It
    /// keeps only the inherited coverage, so that changed settings apply as soon as possible.
    pub(crate) fn last_metadata(&mut self, next: i64) -> &str {
        self.until = self.inherited.max(next);
        let kept = self.spans.partition_point(|span| span.from < self.until).max(1);
        self.spans.truncate(kept);
        self.text = self.to_text();
        &self.text
    }

    /// Records that a commit was made.
    pub(crate) fn committed(&mut self, commit: &Commit) {
        if let Ok(Some(metadata)) = Metadata::read(&commit.metadata) {
            self.free = self.free.max(metadata.until);
            self.committed = self.committed.max(commit.offset.0);
        }
    }

    fn to_text(&self) -> String {
        let metadata = Metadata { v: VERSION, until: self.until, spans: self.spans.clone() };
        // Names and numbers can always be written as JSON.
        serde_json::to_string(&metadata).unwrap_or_default()
    }

    /// Drops spans of records that no restart will read again. They are kept for twice the
    /// look-back because brokers' clocks may differ.
    fn drop_old(&mut self, now_ms: i64) {
        let oldest_ms = now_ms.saturating_sub(2 * self.look_back_ms());
        let is_over = |next: &Span| next.since_ms.is_some_and(|since_ms| since_ms < oldest_ms);
        let over = self.spans.iter().skip(1).take_while(|next| is_over(next)).count();
        self.spans.drain(..over);
    }
}
