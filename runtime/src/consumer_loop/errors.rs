//! Errors of reading: transient ones, those that a restart resolves, and those that need an operator.

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use service::{Fatal, Refusal, RefusalReason as Reason};

use super::{ConsumerLoop, LAST_COMMIT};
use crate::client::probe;
use crate::epochs::{Place, last_before};
use crate::failure::Failure;
use crate::positions::{SET_BACK, Trouble, replaced, shorter};
use crate::topic_ids::Doubt;

impl ConsumerLoop {
    /// Handles an error of reading: a transient one is logged, any other ends the process.
    pub(super) fn failed_read(&mut self, error: &KafkaError) -> Result<(), Failure> {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code();
        let gone = [Code::AutoOffsetReset, Code::OffsetOutOfRange, Code::LogTruncation];
        if code.is_some_and(|code| gone.contains(&code)) {
            // A new topic of the same name has other offsets.
            if let Err(Doubt::Refused(refusal)) = self.ids.check() {
                return Err(refusal.into());
            }
            // A partition revoked while it was read is checked when it is assigned again.
            if self.flow.partitions() == 0 {
                return Ok(());
            }
            match self.lost_tail() {
                Ok(None) => {}
                Ok(Some(refusal)) => return Err(refusal.into()),
                Err(Trouble::Failed(failure)) => return Err(failure),
                Err(Trouble::Silence(reason)) => {
                    return Err(
                        Fatal::State(format!("reading cannot go on: {error} ({reason})")).into()
                    );
                }
            }
            let text = format!(
                "reading cannot go on: {error}. Records were deleted before they were read: give \
                 the input topic a longer retention. {SET_BACK}"
            );
            return Err(Refusal::new(Reason::OffsetGone, text).into());
        }
        if lasts(error) {
            return Err(Fatal::failed("reading cannot go on", error.clone()).into());
        }
        match code {
            // The listener has reported these already.
            Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve) => {}
            _ => self.listener.waits_for(&format!("input: {error}")),
        }
        Ok(())
    }

    /// Returns a refusal if a partition's log has lost its end: it ends before the next offset, or the record
    /// before that is not the one that was read.
    fn lost_tail(&mut self) -> Result<Option<Refusal>, Trouble> {
        let probe = probe(&self.kafka).create_with_context(self.listener.clone())?;
        for (source, next) in self.flow.next_offsets() {
            self.health.beat();
            let (topic, partition) = (self.flow.inputs[source.input.0].clone(), source.partition.0);
            let (low, high) = self.consumer.fetch_watermarks(&topic, partition, LAST_COMMIT)?;
            if next.0 > high {
                return Ok(Some(shorter(&topic, partition, next.0, high)));
            }
            let place = Place { partition, low, offset: next.0 };
            let mark = last_before(&probe, &self.health, &topic, &[place])?.remove(&partition);
            if let (Some(before), Some(mark)) = (self.flow.epoch_before(source, next), mark)
                && let Some(refusal) = replaced(&probe, &self.health, &topic, place, before, mark)?
            {
                return Ok(Some(refusal));
            }
        }
        Ok(None)
    }
}

/// Returns true for errors of reading that are not transient.
fn lasts(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let lasting =
        [Code::GroupAuthorizationFailed, Code::TopicAuthorizationFailed, Code::InvalidGroupId];
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || error.rdkafka_error_code().is_some_and(|code| lasting.contains(&code))
}
