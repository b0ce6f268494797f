//! What the process takes of the machine, at the moment when it is asked.
//!
//! `prometheus` has a collector of its own for this, which brings second versions of four crates.

use std::fs;

use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Resident memory, under the name that Prometheus' clients give it; 0 where there is no `/proc`.
pub(crate) struct Memory(IntGauge);

impl Memory {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let help = "Resident memory size in bytes.";
        Ok(Self(IntGauge::new("process_resident_memory_bytes", help)?))
    }
}

impl Collector for Memory {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.0.set(resident_bytes().unwrap_or(0));
        self.0.collect()
    }
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(kilobytes.trim().trim_end_matches(" kB").parse::<i64>().ok()? * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn memory_that_is_used_shows() {
        let memory = Memory::new().unwrap();
        let resident = || memory.collect()[0].get_metric()[0].get_gauge().get_value();
        let before = resident();
        let used = vec![1_u8; 32 << 20];
        let more = resident() - before;
        assert!(std::hint::black_box(used).len() == 32 << 20 && more > 30e6, "{more}");
    }
}
