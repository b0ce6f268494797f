//! Reloading of look-up data: a thread watches the files, and a handler around the pipeline passes
//! on what the thread has loaded.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_types,
        reason = "the part that reads look-up files, on a thread of its own"
    )
)]

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use service::{Commit, Committed, Fatal, Handler, Output, Pace, Record, Source, Start};

use crate::geo::Geo;
use crate::metrics::ReloadMetrics;
use crate::pipeline::Pipeline;
use crate::sources::Sources;

/// A pipeline whose look-up data follows its files.
pub(crate) struct Reloading {
    pipeline: Pipeline,
    loaded: Receiver<Geo>,
    /// Nothing is sent: the thread ends when this sender is dropped.
    _alive: Sender<()>,
}

impl Reloading {
    /// Starts checking the files every `period`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn new(
        pipeline: Pipeline,
        sources: Sources,
        metrics: ReloadMetrics,
        period: Duration,
    ) -> Result<Self, Fatal> {
        let (alive, ended) = mpsc::channel();
        let (send, loaded) = mpsc::channel();
        thread::Builder::new()
            .name("look-up-data".to_owned())
            .spawn(move || watch(sources, &metrics, period, &ended, &send))
            .map_err(|error| Fatal::failed("no thread for look-up data", error))?;
        Ok(Self { pipeline, loaded, _alive: alive })
    }
}

fn watch(
    mut sources: Sources,
    metrics: &ReloadMetrics,
    period: Duration,
    ended: &Receiver<()>,
    send: &Sender<Geo>,
) {
    while ended.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
        if sources.refresh(metrics) {
            sources.show_builds(metrics);
            if send.send(sources.geo()).is_err() {
                return;
            }
        }
    }
}

impl Handler for Reloading {
    fn start(&self, source: Source, committed: Option<&Committed>) -> Result<Start, Fatal> {
        self.pipeline.start(source, committed)
    }

    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal> {
        self.pipeline.assigned(source, committed)
    }

    fn revoked(&mut self, source: Source) {
        self.pipeline.revoked(source);
    }

    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal> {
        self.pipeline.record(record, out)
    }

    fn tick(&mut self, now_ms: u64, pace: Pace, out: &mut dyn Output) -> Result<(), Fatal> {
        if let Some(geo) = self.loaded.try_iter().last() {
            self.pipeline.look_up_in(geo);
        }
        self.pipeline.tick(now_ms, pace, out)
    }

    fn committed(&mut self, commit: &Commit) {
        self.pipeline.committed(commit);
    }

    fn holds_back(&self) -> bool {
        self.pipeline.holds_back()
    }

    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        self.pipeline.drain(out)
    }

    fn drained(&self) -> bool {
        self.pipeline.drained()
    }

    fn waits_for(&self) -> Option<String> {
        self.pipeline.waits_for()
    }
}

#[cfg(test)]
mod tests;
