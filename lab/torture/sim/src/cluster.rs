//! The simulated Kafka: logs with the broker's append time, and groups with generations.

use std::rc::Rc;

pub(crate) use service::Topic;
use service::{Committed, Source, Start};

/// Most partitions of a topic.
pub(crate) const PARTITIONS: usize = 2;

const TOPICS: usize = Topic::ALL.len();

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Ingest,
    Enrich,
    Aggregate,
    Sink,
}

impl Service {
    pub(crate) const ALL: [Self; 4] = [Self::Ingest, Self::Enrich, Self::Aggregate, Self::Sink];

    /// Returns the topics that it reads, in the order of its inputs.
    pub(crate) const fn inputs(self) -> &'static [Topic] {
        match self {
            Self::Ingest => &[Topic::Raw],
            Self::Enrich => &[Topic::Reports],
            Self::Aggregate => &[Topic::Enriched],
            Self::Sink => &[Topic::Cells, Topic::Sessions, Topic::Hours, Topic::Blocks],
        }
    }
}

/// A record in a log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) appended_ms: i64,
    pub(crate) key: Option<Rc<[u8]>>,
    pub(crate) payload: Rc<[u8]>,
}

/// A partition's log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    /// Next offset.
    pub(crate) end: i64,
    /// Offset of the clock of the partition's broker, ms.
    pub(crate) clock_ms: i64,
}

impl Log {
    /// Place of the first record at or after `offset`.
    pub(crate) fn place(&self, offset: i64) -> usize {
        self.entries.partition_point(|entry| entry.offset < offset)
    }

    pub(crate) fn append(&mut self, now_ms: i64, key: Option<Rc<[u8]>>, payload: Rc<[u8]>) -> i64 {
        let offset = self.end;
        self.entries.push(Entry { offset, appended_ms: now_ms + self.clock_ms, key, payload });
        self.end += 1;
        offset
    }

    /// Returns the position at which a member starts to read, as the consumer loop requests it from Kafka.
    pub(crate) fn start(&self, start: Start, committed: Option<&Committed>) -> i64 {
        let Some(Committed { offset, .. }) = committed else { return 0 };
        let Start::LookBack { ms } = start else { return offset.0 };
        let Some(last) = self.place(offset.0).checked_sub(1) else { return offset.0 };
        let since_ms = (self.entries[last].appended_ms - ms).max(0);
        // `offsetsForTimes`: the first record that was appended then or later.
        let found = self.entries.iter().find(|entry| entry.appended_ms >= since_ms);
        found.map_or(offset.0, |entry| entry.offset.min(offset.0))
    }
}

/// Commits of a group for one source, oldest first.
type History = Vec<Committed>;

/// All topics and groups.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    logs: [[Log; PARTITIONS]; TOPICS],
    commits: [[[History; PARTITIONS]; 4]; Service::ALL.len()],
}

impl Cluster {
    /// Forgets everything, but keeps the memory.
    pub(crate) fn clear(&mut self) {
        for log in self.logs.iter_mut().flatten() {
            log.entries.clear();
            (log.end, log.clock_ms) = (0, 0);
        }
        self.commits.iter_mut().flatten().flatten().for_each(Vec::clear);
    }

    pub(crate) fn log(&self, topic: Topic, partition: usize) -> &Log {
        &self.logs[topic as usize][partition]
    }

    pub(crate) fn log_mut(&mut self, topic: Topic, partition: usize) -> &mut Log {
        &mut self.logs[topic as usize][partition]
    }

    pub(crate) fn history(&mut self, service: Service, source: Source) -> &mut History {
        let partition = source.partition.0 as usize;
        &mut self.commits[service as usize][source.input.0][partition]
    }

    pub(crate) fn committed(&self, service: Service, source: Source) -> Option<&Committed> {
        let partition = source.partition.0 as usize;
        self.commits[service as usize][source.input.0][partition].last()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use service::Offset;

    use super::*;

    #[test]
    fn look_back_starts_at_the_first_record_in_its_range() {
        let mut log = Log::default();
        for at_ms in [10, 50, 20, 60] {
            log.append(at_ms, None, Rc::from(&b""[..]));
        }
        let committed = Committed { offset: Offset(3), metadata: String::new() };
        let start = |ms| log.start(Start::LookBack { ms }, Some(&committed));
        assert_eq!(start(0), 1, "20 ms: the first that is at least as late");
        assert_eq!(start(10), 0);
        assert_eq!(log.start(Start::Committed, Some(&committed)), 3);
        assert_eq!(log.start(Start::Committed, None), 0);
    }
}
