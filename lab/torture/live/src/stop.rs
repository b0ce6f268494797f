//! Request of the user to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deploy::failure::Failure;
use stack::signals;
use tokio::runtime::Runtime;

/// A flag that is set by Ctrl-C.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sets the flag when a signal arrives.
    pub(super) fn on_signal(&self, runtime: &Runtime) {
        let stop = Arc::clone(&self.0);
        runtime.spawn(async move {
            if signals::wait_for_signal().await.is_ok() {
                stop.store(true, Ordering::Relaxed);
            }
        });
    }

    /// Returns an error once the flag is set.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Failure::Refused("ended by a signal; nothing was checked".to_owned())),
            false => Ok(()),
        }
    }
}
