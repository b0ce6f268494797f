//! Search for sessions with records in several partitions. Partitions are folded separately, so data
//! of such a session may count twice. Only the table of partials has all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clickhouse::Client;

use crate::metrics::Metrics;
use crate::retry::summary;

/// Interval of the search.
const LOOK: Duration = Duration::from_secs(30);
/// Seconds before a search: sessions are counted if their records arrived within this time,
/// regardless of their age.
const WINDOW_SECONDS: u32 = 900;
/// Longest wait for the answer.
const LIMIT: Duration = Duration::from_secs(60);

/// Counts the sessions periodically while `leads` is true. Never returns.
pub(crate) async fn watch(client: Client, metrics: Metrics, leads: Arc<AtomicBool>) {
    let client = client.with_setting("max_threads", "1");
    let query = format!(
        "SELECT count() FROM split_sessions(since = toDateTime(now() - {WINDOW_SECONDS}, 'UTC'))"
    );
    loop {
        tokio::time::sleep(LOOK).await;
        if !leads.load(Ordering::Relaxed) {
            metrics.split_sessions.set(0);
            continue;
        }
        match tokio::time::timeout(LIMIT, client.query_raw(&query).fetch_one::<u64>()).await {
            Ok(Ok(count)) => metrics.split_sessions.set(i64::try_from(count).unwrap_or(i64::MAX)),
            // Inserts report it if the server is away; the last count stays.
            Ok(Err(error)) => {
                tracing::debug!(reason = summary(&error), "sessions cannot be counted now");
            }
            Err(_) => tracing::debug!("sessions are not counted in time"),
        }
    }
}
