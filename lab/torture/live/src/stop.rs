//! The wish of the person at the terminal to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deploy::failure::Failure;
use stack::signals;
use tokio::runtime::Runtime;

/// Set by Ctrl-C.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sets it when a signal comes.
    pub(super) fn on_signal(&self, runtime: &Runtime) {
        let stop = Arc::clone(&self.0);
        runtime.spawn(async move {
            if signals::wait_for_signal().await.is_ok() {
                stop.store(true, Ordering::Relaxed);
            }
        });
    }

    /// An error once it is set.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Failure::Refused("ended by a signal; nothing was checked".to_owned())),
            false => Ok(()),
        }
    }
}
