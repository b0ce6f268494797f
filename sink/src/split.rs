//! Looks for sessions whose records lie in several partitions: each partition is folded without the
//! others, so what such a session did may count twice. Only the table of partials knows all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clickhouse::Client;

use crate::metrics::Metrics;
use crate::retry::summary;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(30);
/// Sessions are counted of which records came in so many seconds before a look, however old they are.
const WINDOW_SECONDS: u32 = 900;
/// Longest wait for the answer.
const LIMIT: Duration = Duration::from_secs(60);

/// Counts them for ever, while `leads` is true.
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
            // Inserts say it when the server is away; what was found stays.
            Ok(Err(error)) => {
                tracing::debug!(reason = summary(&error), "sessions cannot be counted now");
            }
            Err(_) => tracing::debug!("sessions are not counted in time"),
        }
    }
}
