//! Retention of rows in ClickHouse, where it is longer than in the files of the tables.

use clickhouse::Client;

use deploy::failure::{Context, Failure};

/// Tables whose rows expire by the day, each with the time that counts and the days.
const EXPIRING: &str = "SELECT name, \
    extract(engine_full, ' TTL (.+?) \\\\+ toIntervalDay\\\\(\\\\d+\\\\)') AS since, \
    toUInt16(extract(engine_full, ' TTL .+? \\\\+ toIntervalDay\\\\((\\\\d+)\\\\)')) AS days \
    FROM system.tables \
    WHERE database = currentDatabase() AND engine_full LIKE '% TTL % + toIntervalDay(%'";

/// Keeps rows of all tables for at least `days`. The tables must be migrated. Rows that have expired
/// already are not restored. An event may be `days` − 2 old then (`ingest.partials_d`).
///
/// # Errors
/// If ClickHouse does not answer, or refuses.
pub async fn keep(client: &Client, days: u16) -> Result<(), Failure> {
    let tables = client.query_raw(EXPIRING).fetch_all::<(String, String, u16)>().await;
    let shorter = tables.context("ClickHouse")?.into_iter().filter(|(_, _, kept)| *kept < days);
    for (table, since, _) in shorter {
        // Parts keep the times at which they expire until they are merged, so that nothing is read now.
        let longer = format!(
            "ALTER TABLE {table} MODIFY TTL {since} + INTERVAL {days} DAY \
             SETTINGS materialize_ttl_after_modify = 0"
        );
        client.query_raw(&longer).execute().await.context(&table)?;
    }
    let kept = "INSERT INTO retention SELECT ?, now64(3) \
                WHERE ifNull((SELECT partials_days FROM retention ORDER BY set_at DESC LIMIT 1), 14) != ?";
    client.query(kept).bind(days).bind(days).execute().await.context("retention")
}
