//! Handling of stalled clients: the process ends, or the consumer is replaced.

use std::time::Instant;

use rdkafka::consumer::Consumer as _;
use service::Fatal;

use super::{ConsumerLoop, join};
use crate::client::let_go;
use crate::failure::Failure;
use crate::liveness::Next;

impl ConsumerLoop {
    /// Checks whether consumer and producer make progress.
    pub(super) fn watch_over_clients(&mut self, now: Instant) -> Result<(), Failure> {
        // An assignment is no outcome while reading cannot start.
        if self.assigned.is_none() {
            self.progress = self.consumer.context().progress();
        }
        let unanswered = std::mem::take(&mut self.unanswered);
        let written = self.flow.writer.progress();
        let next = self.liveness.look(now, Some(self.progress), written, unanswered);
        match next {
            Next::GoOn => Ok(()),
            Next::Renew => Ok(self.renew()?),
            Next::Stalled(who) => {
                let text = format!(
                    "{who}, and a new client of {} is served: this process exits to be restarted",
                    self.listener.cluster()
                );
                self.health.set_stalled(&text);
                Err(Failure::Stalled(text))
            }
        }
    }

    /// Replaces the consumer, which may not reconnect after a long outage of the cluster.
    fn renew(&mut self) -> Result<(), Fatal> {
        tracing::info!("recreates its consumer: {} was away for long", self.listener.cluster());
        let new = join(&self.kafka, &self.flow.inputs, &self.listener, &self.metrics)?;
        let_go(std::mem::replace(&mut self.consumer, new));
        self.drop_partitions();
        self.paused = false;
        self.held = None;
        Ok(())
    }
}
