//! Forced exit of a process, so that a library that hangs cannot keep it alive.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::native;

/// Time that a process may take beyond its shutdown deadline, to log, to leave its group and to drop its
/// clients.
pub const GRACE: Duration = Duration::from_secs(3);

/// Latest end of the process, with its exit code.
#[derive(Clone, Default)]
pub struct Ending(Arc<Shared>);

#[derive(Default)]
struct Shared {
    end: Mutex<Option<(Instant, u8)>>,
    changed: Condvar,
}

impl Ending {
    /// Starts the thread that forces the exit.
    pub fn watch() -> std::io::Result<Self> {
        let ending = Self::default();
        let watched = ending.clone();
        let watch = move || {
            let code = watched.wait();
            #[expect(clippy::print_stderr, reason = "another thread may hold the logger")]
            {
                eprintln!("ended by force: something in this process hangs (exit code {code})");
            }
            native::exit(code);
        };
        std::thread::Builder::new().name("ending".to_owned()).spawn(watch)?;
        Ok(ending)
    }

    /// Sets the latest end of the process to `time` from now, with `code`, unless an earlier one is set.
    pub fn within(&self, time: Duration, code: u8) {
        let Shared { end, changed } = &*self.0;
        let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now() + time;
        *end = Some((end.map_or(at, |(earlier, _)| earlier.min(at)), code));
        changed.notify_all();
    }

    /// Waits until the time is over, and returns the code.
    fn wait(&self) -> u8 {
        let Shared { end, changed } = &*self.0;
        let mut found = end.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            found = match *found {
                None => changed.wait(found).unwrap_or_else(PoisonError::into_inner),
                Some((at, code)) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return code;
                    }
                    let waited = changed.wait_timeout(found, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_earliest_time_and_the_newest_code_count() {
        let ending = Ending::default();
        ending.within(Duration::from_secs(600), 75);
        let waiting = std::thread::spawn({
            let ending = ending.clone();
            move || ending.wait()
        });
        std::thread::sleep(Duration::from_millis(50));
        let asked = Instant::now();
        ending.within(Duration::from_millis(100), 75);
        ending.within(Duration::from_secs(600), 0);
        assert_eq!(waiting.join().unwrap(), 0);
        assert!(asked.elapsed() >= Duration::from_millis(100));
    }
}
