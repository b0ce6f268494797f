//! Rows of the roll-up tables, by `INSERT … SELECT`: deterministic, with skewed places and valid sketches.
//!
//! Measures that no page reads are 0.

use clickhouse::Client;
use deploy::failure::{Context, Failure};
use serde::Serialize;
use stack::Progress;

const CELLS: &str = include_str!("../../seed/cells.sql");
const OVERVIEW: &str = include_str!("../../seed/overview.sql");
const SESSIONS: &str = include_str!("../../seed/sessions.sql");
const PLACE: &str = include_str!("../../seed/place.sql");
const SKETCHES: &str = include_str!("../../seed/sketches.sql");

/// Rows that one INSERT makes at most, so that none takes too much memory.
const AT_ONCE: u64 = 2_000_000;
/// Time before now without minutes, s, so that a world that begins now has minutes of its own.
pub(crate) const QUIET_S: u64 = 120;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// Cells of the first view, by window: 4 kinds and directions of 1000 providers, countries and browsers.
const OVERVIEW_CELLS: u64 = 4000;
/// Places of the overview: 16 in each of 40 countries.
const OVERVIEW_PLACES: u64 = 640;
/// Estimated bytes of a row on the disk, with room for merges: of a minute, hour or day of cells, and of a
/// session in an hour.
const CELL_BYTES: u64 = 150;
const SESSION_ROW_BYTES: u64 = 90;
/// Rows of a session by hour.
const ROWS_OF_A_SESSION: u64 = 6;

/// What is seeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Size {
    /// Cells of a minute. An hour or a day has twice as many.
    pub(crate) cells_per_minute: u64,
    /// Days of hours and sessions.
    pub(crate) days: u64,
    /// Hours before now of which there are cells by minute.
    pub(crate) minute_hours: u64,
    /// Sessions.
    pub(crate) sessions: u64,
}

impl Size {
    /// Returns the greatest size up to the one asked for that a disk has room for, with half of it left: fewer
    /// hours of minutes first, then fewer sessions and cells.
    pub(crate) fn fitting(asked: Self, free_bytes: u64) -> Self {
        let mut size = asked;
        while size.bytes() > free_bytes / 2 {
            if size.minute_hours > 4 {
                size.minute_hours /= 2;
            } else if size.cells_per_minute > 1000 {
                size.cells_per_minute /= 2;
                size.sessions /= 2;
            } else {
                break;
            }
        }
        size
    }

    /// Returns the estimated bytes on the disk.
    pub(crate) const fn bytes(&self) -> u64 {
        let minutes = self.minute_hours * 60 * (self.cells_per_minute + OVERVIEW_CELLS);
        let hours = self.days * 25 * (2 * self.cells_per_minute + OVERVIEW_CELLS);
        CELL_BYTES * (minutes + hours) + SESSION_ROW_BYTES * ROWS_OF_A_SESSION * self.sessions
    }

    /// Places of cells; each has 24 cells of kind, direction, network type and edge.
    fn places(&self) -> u64 {
        (self.cells_per_minute / 18).max(1)
    }
}

/// A table with the windows that it gets.
struct Windows {
    table: &'static str,
    sql: &'static str,
    seconds: u64,
    from: u64,
    windows: u64,
    /// Rows of a window, and every how many-th of all cells a window has.
    count: u64,
    stride: u64,
    places: u64,
}

/// Fills the tables up to `now` (seconds since 1970).
///
/// # Errors
/// If ClickHouse refuses.
pub(crate) async fn fill(
    admin: &Client,
    size: Size,
    now: u64,
    progress: Progress<'_>,
) -> Result<(), Failure> {
    let this_hour = now - now % HOUR;
    let first_hour = this_hour - (size.days * 24 - 1) * HOUR;
    let first_day = first_hour - first_hour % DAY;
    let days = (this_hour - first_day) / DAY + 1;
    let first_minute = this_hour - (size.minute_hours - 1) * HOUR;
    let minutes = (now - first_minute).saturating_sub(QUIET_S) / 60;
    let all = 2 * size.cells_per_minute;
    let cells = |table, seconds, from, windows, count, stride| Windows {
        table,
        sql: CELLS,
        seconds,
        from,
        windows,
        count,
        stride,
        places: size.places(),
    };
    let overview = |table, seconds, from, windows| Windows {
        table,
        sql: OVERVIEW,
        seconds,
        from,
        windows,
        count: OVERVIEW_CELLS,
        stride: 1,
        places: OVERVIEW_PLACES,
    };
    for windows in [
        cells("cells_1m", 60, first_minute, minutes, size.cells_per_minute, 2),
        cells("cells_1h", HOUR, first_hour, size.days * 24, all, 1),
        cells("cells_1d", DAY, first_day, days, all, 1),
        overview("overview_1m", 60, first_minute, minutes),
        overview("overview_1h", HOUR, first_hour, size.days * 24),
        overview("overview_1d", DAY, first_day, days),
    ] {
        progress(&format!("seeding {}", windows.table));
        insert_windows(admin, &windows).await?;
    }
    progress("seeding session_hours_1h");
    insert_sessions(admin, size, first_hour).await?;
    progress("seeding session_days_1d");
    for day in 0..days {
        let day = first_day + day * DAY;
        let fold = format!(
            "INSERT INTO session_days_1d SELECT *, 1 FROM folded_session_days \
             WHERE day = toDate(toDateTime({day}, 'UTC'))"
        );
        admin.query_raw(&fold).execute().await.context("seeding session_days_1d")?;
    }
    // A block of a partition that the pipeline does not have: the newest complete minute.
    let block = "INSERT INTO blocks (epoch, partition, block_start, upto, finished, append_minute) \
                 VALUES (0, 1000, 0, 10, true, intDiv(toUnixTimestamp(now()), 60) - 1)";
    admin.query_raw(block).execute().await.context("seeding blocks")
}

async fn insert_windows(admin: &Client, windows: &Windows) -> Result<(), Failure> {
    let step = (AT_ONCE / windows.count).max(1);
    for first in (0..windows.windows).step_by(step as usize) {
        let values = [
            ("table", windows.table.to_owned()),
            ("window_s", windows.seconds.to_string()),
            ("minutes", (windows.seconds / 60).to_string()),
            ("places", windows.places.to_string()),
            ("from", windows.from.to_string()),
            ("count", windows.count.to_string()),
            ("stride", windows.stride.to_string()),
            ("first", first.to_string()),
            ("windows", step.min(windows.windows - first).to_string()),
        ];
        insert(admin, windows.sql, &values).await.context(windows.table)?;
    }
    Ok(())
}

async fn insert_sessions(admin: &Client, size: Size, from: u64) -> Result<(), Failure> {
    let hours = size.days * 24;
    let step = (size.sessions / size.days).clamp(1, AT_ONCE / ROWS_OF_A_SESSION);
    for first in (0..size.sessions).step_by(step as usize) {
        let values = [
            ("places", size.places().to_string()),
            ("from", from.to_string()),
            ("last", (from + (hours - 1) * HOUR).to_string()),
            ("hours", hours.to_string()),
            ("sessions", size.sessions.to_string()),
            ("first", first.to_string()),
            ("windows", step.min(size.sessions - first).to_string()),
        ];
        insert(admin, SESSIONS, &values).await.context("session_hours_1h")?;
    }
    Ok(())
}

async fn insert(
    admin: &Client,
    sql: &str,
    values: &[(&str, String)],
) -> Result<(), clickhouse::error::Error> {
    let mut sql = sql.replace("{sketches}", SKETCHES).replace("{place}", PLACE);
    for (name, value) in values {
        sql = sql.replace(&format!("{{{name}}}"), value);
    }
    admin.query_raw(&sql).execute().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Size =
        Size { cells_per_minute: 20_000, days: 30, minute_hours: 24, sessions: 5_000_000 };

    #[test]
    fn a_small_disk_gets_fewer_hours_of_minutes_first() {
        assert_eq!(Size::fitting(ASKED, 2 * ASKED.bytes()), ASKED);
        let fewer = Size::fitting(ASKED, 2 * ASKED.bytes() - 1);
        assert_eq!(fewer, Size { minute_hours: 12, ..ASKED });
        let least = Size::fitting(ASKED, 4_000_000_000);
        assert!(least.sessions < ASKED.sessions && least.bytes() <= 2_000_000_000, "{least:?}");
    }
}
