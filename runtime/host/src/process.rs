//! Resource usage of the process.
//!
//! `prometheus` has a collector of its own for this, which brings second versions of four crates.

use std::fs;

use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Resident memory, under the name that Prometheus' clients give it; 0 where there is no `/proc`.
pub struct Memory(IntGauge);

impl Memory {
    /// Returns the collector.
    ///
    /// # Errors
    /// Never, unless the library changes its rules for names.
    pub fn new() -> Result<Self, prometheus::Error> {
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

/// Returns the resident memory of this process, in bytes; none where there is no `/proc`.
#[must_use]
pub fn resident_bytes() -> Option<i64> {
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
        let used = vec![1_u8; 256 << 20];
        let more = resident() - before;
        assert!(std::hint::black_box(used).len() == 256 << 20 && more > 128e6, "{more}");
    }
}
