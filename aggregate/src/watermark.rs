//! Watermarks: the progress of event time. They are only advice for readers; late records are
//! folded nevertheless.

/// Time without records after which a partition no longer holds back the combined watermark, ms.
const IDLE_MS: u64 = 60_000;

/// The watermark of one partition, in ms since the Unix epoch, once it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watermark(pub(crate) Option<i64>);

impl Watermark {
    /// Processes an event of `event_us` that was appended at `appended_ms`. Other events are
    /// expected to lag behind it by at most `bound_ms`.
    pub(crate) fn observe(&mut self, event_us: i64, appended_ms: i64, bound_ms: i64) {
        let at_ms = event_us.div_euclid(1000).min(appended_ms).saturating_sub(bound_ms);
        self.0 = self.0.max(Some(at_ms));
    }
}

/// Returns the smallest of the partitions' watermarks, each given with the time for which its
/// partition has been silent, ms.
pub(crate) fn combined(partitions: impl Iterator<Item = (Watermark, u64)>) -> Option<i64> {
    partitions.filter(|(_, silent_ms)| *silent_ms < IDLE_MS).filter_map(|(mark, _)| mark.0).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watermark_never_goes_back_and_trusts_no_clock_ahead_of_the_broker() {
        let mut mark = Watermark(Some(5_000));
        mark.observe(4_000_000, 20_000, 2_000);
        assert_eq!(mark, Watermark(Some(5_000)), "older events do not move it back");
        mark.observe(90_000_000, 20_000, 2_000);
        assert_eq!(mark, Watermark(Some(18_000)), "the broker's time bounds the client's");
    }

    #[test]
    fn an_idle_partition_does_not_hold_back_the_watermark() {
        let marks = [(Watermark(Some(10)), 60_000), (Watermark(Some(70)), 59_999)];
        assert_eq!(combined(marks.into_iter()), Some(70));
        assert_eq!(combined([(Watermark(None), 0)].into_iter()), None);
    }
}
