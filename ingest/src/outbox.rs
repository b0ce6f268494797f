//! Queue of a partition's outputs and commits that may not be written yet.

use std::collections::VecDeque;

use service::{Offset, Output, Source, Topic};

/// The waiting outputs and commits, from the first record that no committed metadata covers.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    parcels: VecDeque<Parcel>,
    /// Bytes of the waiting outputs.
    bytes: usize,
}

#[derive(Debug)]
enum Parcel {
    /// Output of the records up to this raw offset.
    Write { raw: i64, topic: Topic, key: Option<Vec<u8>>, payload: Vec<u8> },
    /// Commit to be made once all earlier output is written.
    Commit { next: Offset, metadata: String },
}

impl Outbox {
    /// Returns whether the queue is not empty.
    pub(crate) fn waits(&self) -> bool {
        !self.parcels.is_empty()
    }

    /// Returns the bytes that wait to be written.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes output of the record at `raw`, or queues it if it `may` not be written yet.
    pub(crate) fn send(
        &mut self,
        source: Source,
        (raw, may): (i64, bool),
        (topic, key): (Topic, Option<&[u8]>),
        payload: &[u8],
        out: &mut dyn Output,
    ) {
        if may && self.parcels.is_empty() {
            return out.send(source, topic, key, payload);
        }
        let (key, payload) = (key.map(<[u8]>::to_vec), payload.to_vec());
        self.bytes += payload.len();
        self.parcels.push_back(Parcel::Write { raw, topic, key, payload });
    }

    /// Checkpoints `next` once all earlier output is written.
    pub(crate) fn commit(
        &mut self,
        source: Source,
        next: Offset,
        metadata: &str,
        out: &mut dyn Output,
    ) {
        if self.parcels.is_empty() {
            return out.checkpoint(source, next, metadata);
        }
        self.parcels.push_back(Parcel::Commit { next, metadata: metadata.to_owned() });
    }

    /// Writes waiting output up to the first that may not be written yet.
    pub(crate) fn release(
        &mut self,
        source: Source,
        may: impl Fn(i64) -> bool,
        out: &mut dyn Output,
    ) {
        while let Some(parcel) = self.parcels.front() {
            match parcel {
                Parcel::Write { raw, .. } if !may(*raw) => return,
                Parcel::Write { topic, key, payload, .. } => {
                    out.send(source, *topic, key.as_deref(), payload);
                    self.bytes -= payload.len();
                }
                Parcel::Commit { next, metadata } => out.checkpoint(source, *next, metadata),
            }
            self.parcels.pop_front();
        }
    }
}
