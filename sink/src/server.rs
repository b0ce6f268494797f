//! Interface between the writer and ClickHouse.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clickhouse::Client;
use clickhouse::error::Error;
use clickhouse::insert_formatted::InsertFormatted;
use service::{Record, failpoints};

use crate::rollup;
use crate::table::{Table, insert_into, pieces};

const SEND_TIMEOUT: Duration = Duration::from_secs(60);
const END_TIMEOUT: Duration = Duration::from_secs(300);

/// A server that takes inserts, a block at a time.
pub(crate) trait Server {
    /// An insert in progress.
    type Insert;

    /// Returns the id of the database, which all shards and replicas of a cluster share.
    async fn id(&self) -> Result<String, Error>;

    /// Notes that the rows of `record` go into the block that is being filled.
    fn added(&self, record: &Record<'_>);

    /// Begins an insert of blocks such as `table`.
    fn begin<T: Table>(&self, table: &T) -> Self::Insert;

    /// Sends a block.
    async fn block<T: Table>(&self, insert: &mut Self::Insert, table: &T) -> Result<(), Error>;

    /// Ends an insert: without an error, its rows are visible.
    async fn end(&self, insert: Self::Insert) -> Result<(), Error>;

    /// Marks the roll-ups of minutes, and of hours and their days, as stale, each given by its start, in
    /// seconds since the Unix epoch.
    async fn open(&self, minutes: &[u32], hours: &[u32]) -> Result<(), Error>;

    /// Waits before the next attempt.
    async fn pause(&self, pause: Duration);
}

/// The server that is reached by HTTP.
pub(crate) struct ClickHouse(pub(crate) Client);

impl Server for ClickHouse {
    type Insert = InsertFormatted;

    async fn id(&self) -> Result<String, Error> {
        // Two that were written at once are both there for ever: the same one is taken each time.
        let query = "SELECT toString(id) FROM target ORDER BY made_at, id LIMIT 1";
        let id = self.0.query(query).fetch_optional::<String>();
        let id = tokio::time::timeout(SEND_TIMEOUT, id).await.unwrap_or(Err(Error::TimedOut))?;
        id.ok_or_else(|| Error::Custom("the table target is empty: run isobar migrate".to_owned()))
    }

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

    async fn open(&self, minutes: &[u32], hours: &[u32]) -> Result<(), Error> {
        rollup::open(&self.0, minutes, hours).await
    }

    async fn pause(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

/// The id that the server had at first, and the other one that it was seen to have later.
#[derive(Clone, Default)]
pub(crate) struct Identity {
    first: Arc<OnceLock<String>>,
    other: Arc<OnceLock<String>>,
}

impl Identity {
    /// The id that the server had at first, once it is known.
    pub(crate) fn id(&self) -> Option<&str> {
        self.first.get().map(String::as_str)
    }

    /// The first id and the other one, if the server was replaced.
    pub(crate) fn replaced(&self) -> Option<(&str, &str)> {
        Some((self.id()?, self.other.get()?))
    }

    /// Notes that the server has this id now; false if it had another one before.
    pub(crate) fn saw(&self, id: String) -> bool {
        if *self.first.get_or_init(|| id.clone()) == id {
            return true;
        }
        self.other.get_or_init(|| id);
        false
    }
}
