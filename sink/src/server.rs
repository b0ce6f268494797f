//! What rows are inserted into: the writer's only way out.

use std::time::Duration;

use clickhouse::Client;
use clickhouse::error::Error;
use clickhouse::insert_formatted::InsertFormatted;
use runtime::{Record, failpoints};

use crate::rollup;
use crate::table::{Table, insert_into, pieces};

const SEND_TIMEOUT: Duration = Duration::from_secs(60);
const END_TIMEOUT: Duration = Duration::from_secs(300);

/// A server that takes inserts, a block at a time.
pub(crate) trait Server {
    /// An insert that was begun.
    type Insert;

    /// The rows of `record` go into the block that is being filled.
    fn added(&self, record: &Record<'_>);

    /// Begins an insert of blocks such as `table`.
    fn begin<T: Table>(&self, table: &T) -> Self::Insert;

    /// Sends a block.
    async fn block<T: Table>(&self, insert: &mut Self::Insert, table: &T) -> Result<(), Error>;

    /// Ends an insert: without an error, its rows are there.
    async fn end(&self, insert: Self::Insert) -> Result<(), Error>;

    /// Says that the roll-ups of `hours` are stale, each given by its start, in seconds since the
    /// Unix epoch.
    async fn open(&self, hours: &[u32]) -> Result<(), Error>;

    /// Waits before it is asked again.
    async fn pause(&self, pause: Duration);
}

/// The real one.
pub(crate) struct ClickHouse(pub(crate) Client);

impl Server for ClickHouse {
    type Insert = InsertFormatted;

    fn added(&self, _: &Record<'_>) {}

    fn begin<T: Table>(&self, table: &T) -> InsertFormatted {
        let insert = self.0.insert_formatted_with(insert_into(table));
        insert.with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT))
    }

    async fn block<T: Table>(&self, insert: &mut InsertFormatted, table: &T) -> Result<(), Error> {
        for piece in pieces(table) {
            insert.send(piece.into()).await?;
        }
        Ok(())
    }

    async fn end(&self, insert: InsertFormatted) -> Result<(), Error> {
        failpoints::pass(failpoints::INSERTING);
        insert.end().await?;
        failpoints::pass(failpoints::INSERTED);
        Ok(())
    }

    async fn open(&self, hours: &[u32]) -> Result<(), Error> {
        rollup::open(&self.0, hours).await
    }

    async fn pause(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
