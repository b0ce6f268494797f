//! Resource usage of processes, from `/proc`.

use std::fs;

/// The kernel's unit of processor time (`USER_HZ`), the same on every machine with `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Processor time, s, in user and kernel mode.
    pub cpu_seconds: f64,
    /// Peak resident memory, MB (2²⁰ bytes).
    pub max_rss_mb: f64,
}

impl Usage {
    /// Returns the usage of a process up to now; none without `/proc`.
    #[must_use]
    pub fn of(process: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The second field is the program's name in brackets, which may contain any characters.
        let (_, fields) = stat.rsplit_once(')')?;
        let tick = |field: usize| fields.split_whitespace().nth(field)?.parse::<f64>().ok();
        let cpu_seconds = (tick(11)? + tick(12)?) / TICKS_PER_SECOND;
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak_kb = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<f64>().ok());
        Some(Self { cpu_seconds, max_rss_mb: peak_kb.unwrap_or(0.0) / 1024.0 })
    }

    /// Returns the usage since an `earlier` measurement; memory is the total peak.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { cpu_seconds: self.cpu_seconds - earlier.cpu_seconds, ..self }
    }

    /// Adds two processes that ran one after the other.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds + later.cpu_seconds,
            max_rss_mb: self.max_rss_mb.max(later.max_rss_mb),
        }
    }

    /// Adds two processes that ran at the same time.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            max_rss_mb: self.max_rss_mb + other.max_rss_mb,
        }
    }

    /// Combines two measurements of one process.
    #[must_use]
    pub fn max(self, later: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds.max(later.cpu_seconds),
            max_rss_mb: self.max_rss_mb.max(later.max_rss_mb),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_up_time_and_memory() {
        let before = Usage::of(std::process::id()).unwrap_or_default();
        assert!(before.max_rss_mb > 0.5, "{before:?}");
        let mut hash = 0u64;
        while Usage::of(std::process::id()).unwrap_or_default().cpu_seconds <= before.cpu_seconds {
            hash = (0..100_000u64).fold(hash, |hash, n| hash.rotate_left(5) ^ n);
        }
        assert!(std::hint::black_box(hash) != 1);
    }

    #[test]
    fn a_process_that_is_not_there_uses_nothing() {
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
