//! Signals that end the command.

use std::time::Duration;

use deploy::failure::{Context, Failure};
use tokio::signal::unix::{SignalKind, signal};

/// Exit code of a command that was interrupted with Ctrl-C.
const INTERRUPTED: i32 = 130;
/// Signals within this time count as one that was sent twice: to the process and to its group.
const TOGETHER: Duration = Duration::from_millis(500);
/// Waits for Ctrl-C, SIGTERM or the end of the terminal. Before the first call these end the
/// process immediately, and the guard ends its children.
///
/// # Errors
/// If signal handlers cannot be installed.
pub async fn wait_for_signal() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("SIGINT"),
    }
}

/// Ends this process at the next signal, after calling `before`; the guard ends its children. The
/// signal is awaited on another thread, because this one may be waiting for processes.
pub fn end_at_the_next_signal(before: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        tokio::time::sleep(TOGETHER).await;
        if wait_for_signal().await.is_ok() {
            before();
            std::process::exit(INTERRUPTED);
        }
    });
}
