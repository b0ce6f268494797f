//! Batches of encoded records for one table. The writer decodes them in the order of the logs: ClickHouse
//! does not have to sort an insert whose rows are in order.

use std::collections::BTreeMap;

use service::{AppendTime, Offset, Record, Source};

/// Records of several partitions.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    shares: BTreeMap<Source, Share>,
    bytes: usize,
    /// Initial capacity of a partition's buffer, in bytes, so that buffers are not copied by
    /// growing.
    room: usize,
}

/// One partition's part of a batch.
#[derive(Debug, Default)]
struct Share {
    payloads: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    offset: Offset,
    appended: AppendTime,
    /// End of its key, if it has one; it starts where the payload before it ends.
    key_end: Option<usize>,
    /// End of its payload; it starts at the end of its key or, without a key, of the payload before
    /// it.
    end: usize,
}

/// Bytes that are counted for a record in addition to its key and payload, so that a batch of empty
/// records is bounded as well.
const BESIDE: usize = size_of::<Entry>();

impl Share {
    fn bytes(&self) -> usize {
        self.payloads.len() + BESIDE * self.entries.len()
    }

    fn with_room(bytes: usize) -> Self {
        Self { payloads: Vec::with_capacity(bytes), entries: Vec::new() }
    }
}

/// Content of a batch of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) source: Source,
    pub(crate) bytes: usize,
    /// The offset after its last record.
    pub(crate) next: Offset,
}

impl Batch {
    /// Returns the batch and leaves an empty one with about the same capacity.
    pub(crate) fn take(&mut self) -> Self {
        let share = self.bytes / self.shares.len().max(1);
        std::mem::replace(self, Self { room: share + share / 4, ..Self::default() })
    }

    /// Appends a copy of a record.
    pub(crate) fn push(&mut self, record: &Record<'_>) {
        let room = self.room;
        let share = self.shares.entry(record.source).or_insert_with(|| Share::with_room(room));
        let key_end = record.key.map(|key| {
            share.payloads.extend_from_slice(key);
            share.payloads.len()
        });
        share.payloads.extend_from_slice(record.payload);
        share.entries.push(Entry {
            offset: record.offset,
            appended: record.appended,
            key_end,
            end: share.payloads.len(),
        });
        self.bytes += record.key.map_or(0, <[u8]>::len) + record.payload.len() + BESIDE;
    }

    /// Drops the records of `source`.
    pub(crate) fn revoke(&mut self, source: Source) {
        if let Some(share) = self.shares.remove(&source) {
            self.bytes -= share.bytes();
        }
    }

    /// Returns the bytes of all records.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// Returns its content by partition.
    pub(crate) fn contents(&self) -> impl Iterator<Item = Content> {
        self.shares.iter().filter_map(|(&source, share)| {
            let next = share.entries.last()?.offset.next();
            Some(Content { source, bytes: share.bytes(), next })
        })
    }

    /// Returns its records, partition by partition, in the order of their logs.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.shares.iter().flat_map(|(&source, share)| {
            let starts = std::iter::once(0).chain(share.entries.iter().map(|entry| entry.end));
            share.entries.iter().zip(starts).map(move |(entry, start)| Record {
                source,
                offset: entry.offset,
                appended: entry.appended,
                key: entry.key_end.map(|end| &share.payloads[start..end]),
                content_type: None,
                payload: &share.payloads[entry.key_end.unwrap_or(start)..entry.end],
                look_back: false,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use service::{AppendTime, Input, Offset, Partition, Record, Source};

    use super::{BESIDE, Batch, Content};

    fn source(partition: i32) -> Source {
        Source { input: Input(0), partition: Partition(partition) }
    }

    fn push(batch: &mut Batch, partition: i32, offset: i64, payload: &[u8]) {
        push_keyed(batch, partition, offset, None, payload);
    }

    fn push_keyed(
        batch: &mut Batch,
        partition: i32,
        offset: i64,
        key: Option<&[u8]>,
        payload: &[u8],
    ) {
        batch.push(&Record {
            source: source(partition),
            offset: Offset(offset),
            appended: AppendTime(7),
            key,
            content_type: None,
            payload,
            look_back: false,
        });
    }

    fn interleaved() -> Batch {
        let mut batch = Batch::default();
        push(&mut batch, 1, 10, b"one");
        push(&mut batch, 0, 5, b"");
        push(&mut batch, 1, 12, b"three");
        push(&mut batch, 0, 6, b"six");
        batch
    }

    #[test]
    fn records_are_returned_by_partition_in_the_order_of_their_logs() {
        let batch = interleaved();
        let seen = batch.records().map(|r| (r.source.partition.0, r.offset.0, r.payload));
        let wanted: [(i32, i64, &[u8]); 4] =
            [(0, 5, b""), (0, 6, b"six"), (1, 10, b"one"), (1, 12, b"three")];
        assert!(seen.eq(wanted));
    }

    #[test]
    fn keys_stay_with_their_records() {
        let mut batch = Batch::default();
        push_keyed(&mut batch, 0, 1, Some(b"meet/c/p"), b"one");
        push_keyed(&mut batch, 0, 2, None, b"two");
        push_keyed(&mut batch, 0, 3, Some(b""), b"three");
        let seen = batch.records().map(|r| (r.key, r.payload));
        let wanted: [(Option<&[u8]>, &[u8]); 3] =
            [(Some(b"meet/c/p"), b"one"), (None, b"two"), (Some(b""), b"three")];
        assert!(seen.eq(wanted));
        assert_eq!(batch.bytes(), 19 + 3 * BESIDE);
    }

    #[test]
    fn contents_name_the_bytes_and_the_next_offset_of_each_partition() {
        let batch = interleaved();
        let content = |partition, bytes, next| Content {
            source: source(partition),
            bytes: bytes + 2 * BESIDE,
            next: Offset(next),
        };
        assert!(batch.contents().eq([content(0, 3, 7), content(1, 8, 13)]));
        assert_eq!(batch.bytes(), 11 + 4 * BESIDE);
    }

    #[test]
    fn a_batch_that_is_taken_leaves_an_empty_one_with_room_for_as_much() {
        let mut batch = interleaved();
        push(&mut batch, 1, 13, &[0; 100_000]);
        let taken = batch.take();
        assert_eq!((taken.bytes(), taken.records().count()), (100_011 + 5 * BESIDE, 5));
        assert!(batch.is_empty() && batch.bytes() == 0);
        push(&mut batch, 0, 7, b"seven");
        assert_eq!((batch.bytes(), batch.records().count()), (5 + BESIDE, 1));
        assert!((50_000..100_000).contains(&batch.shares[&source(0)].payloads.capacity()));
    }

    #[test]
    fn revoking_a_partition_drops_its_records() {
        let mut batch = interleaved();
        batch.revoke(source(1));
        assert_eq!(batch.bytes(), 3 + 2 * BESIDE);
        assert!(batch.records().all(|record| record.source == source(0)));
        batch.revoke(source(0));
        assert!(batch.is_empty());
    }
}
