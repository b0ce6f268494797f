//! Migrations of ClickHouse: tables, views and functions, file by file.
//!
//! Every statement is idempotent, and a file counts as applied only when all of its statements are done:
//! after a failure the next run repeats the file.

pub mod columns;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use clickhouse::Client;

use crate::failure::{Context, Failure};
pub use schema::Difference;

/// Name and text of every file, in order. A released file is never changed: a further one changes its
/// tables.
const FILES: [(&str, &str); 12] = [
    ("0001_samples.sql", include_str!("../clickhouse/0001_samples.sql")),
    ("0002_partials.sql", include_str!("../clickhouse/0002_partials.sql")),
    ("0003_rollups.sql", include_str!("../clickhouse/0003_rollups.sql")),
    ("0004_folds.sql", include_str!("../clickhouse/0004_folds.sql")),
    ("0005_views.sql", include_str!("../clickhouse/0005_views.sql")),
    ("0006_statistics.sql", include_str!("../clickhouse/0006_statistics.sql")),
    ("0007_merges.sql", include_str!("../clickhouse/0007_merges.sql")),
    ("0008_hours_and_days.sql", include_str!("../clickhouse/0008_hours_and_days.sql")),
    ("0009_target.sql", include_str!("../clickhouse/0009_target.sql")),
    ("0010_session_hours.sql", include_str!("../clickhouse/0010_session_hours.sql")),
    ("0011_retention.sql", include_str!("../clickhouse/0011_retention.sql")),
    ("0012_standardised.sql", include_str!("../clickhouse/0012_standardised.sql")),
];

/// State of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Applied before.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied by this run.
    New,
    /// Applied before and changed since.
    Changed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::New => "applied now",
            Self::Changed => "CHANGED",
        })
    }
}

/// All files in order, each with its state.
pub type Report = Vec<(&'static str, State)>;

/// Returns a client for [`apply`] and [`status`].
#[must_use]
pub fn client(url: &str, database: &str, user: &str, password: &str) -> Client {
    Client::default().with_url(url).with_user(user).with_password(password).with_database(database)
}

/// Returns the differences between the tables and views of the applied files and the existing ones.
///
/// # Errors
/// If ClickHouse does not answer.
pub async fn differences(client: &Client, report: &Report) -> Result<Vec<Difference>, Failure> {
    let applied = report.iter().filter(|(_, state)| *state != State::Pending);
    let files: BTreeSet<_> = applied.map(|(file, _)| *file).collect();
    schema::differences(client, &files).await
}

/// Returns an error that names the differences, if there are any.
///
/// # Errors
/// If `differences` is not empty.
pub fn refuse(differences: &[Difference]) -> Result<(), Failure> {
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = differences.iter().map(|one| format!("  {one}")).collect();
    Err(Failure::Refused(format!(
        "tables and views differ from those in the files: they have an earlier schema or were \
         changed by hand:\n{}\nadd what is missing (ALTER TABLE … ADD COLUMN, as in \
         deploy/clickhouse){}",
        lines.join("\n"),
        or_start_anew()
    )))
}

/// Applies pending files. Creates the client's database if it does not exist.
///
/// # Errors
/// If a file has been changed since it was applied, or a statement fails; both name the file.
pub async fn apply(client: &Client) -> Result<Report, Failure> {
    apply_as(client, None).await
}

/// Applies pending files as [`apply`], for a shard or replica of a cluster with the id `target`, if one is
/// given.
///
/// # Errors
/// Those of [`apply`], and if the database has another id or `target` is none.
pub async fn apply_as(client: &Client, target: Option<&str>) -> Result<Report, Failure> {
    let database = client.database().unwrap_or("default");
    // A connection cannot name a database that does not exist yet.
    let outside = client.clone().with_database("default");
    let known = "SELECT count() FROM system.databases WHERE name = ?";
    let known = outside.query(known).bind(database).fetch_one::<u64>().await;
    // If it exists, no right to create a database is needed.
    if known.context("ClickHouse")? == 0 {
        execute(&outside, &format!("CREATE DATABASE {database}")).await.context(database)?;
    }
    execute(client, REMEMBERED).await.context("migrations")?;
    let before = status(client).await?;
    if let Some((file, _)) = before.iter().find(|(_, state)| *state == State::Changed) {
        refuse(&differences(client, &before).await?).context(file)?;
        return Err(Failure::Refused(format!(
            "{file} has been changed since it was applied; restore it and make the change in a \
             file of its own{}",
            or_start_anew()
        )));
    }
    let mut report = Vec::new();
    for ((file, text), (_, state)) in FILES.into_iter().zip(before) {
        if state == State::Pending {
            let text = columns::render(text);
            for statement in statements(&text) {
                execute(client, statement).await.context(file)?;
            }
            let remember = client.query("INSERT INTO migrations VALUES (?, hex(SHA256(?)), now())");
            remember.bind(file).bind(text).execute().await.context(file)?;
        }
        report.push((file, if state == State::Pending { State::New } else { state }));
    }
    refuse(&differences(client, &report).await?)?;
    identify(client, target).await?;
    Ok(report)
}

/// Returns the id by which sinks recognise a database; none before [`apply`].
///
/// # Errors
/// If ClickHouse does not answer.
pub async fn target(client: &Client) -> Result<Option<String>, Failure> {
    let database = client.database().unwrap_or("default");
    let outside = client.clone().with_database("default");
    let known = "SELECT count() FROM system.tables WHERE database = ? AND name = 'target'";
    let known = outside.query(known).bind(database).fetch_one::<u64>().await;
    if known.context("ClickHouse")? == 0 {
        return Ok(None);
    }
    let id = client.query("SELECT toString(id) FROM target ORDER BY made_at, id LIMIT 1");
    id.fetch_optional().await.context("target")
}

/// Gives the database an id if it has none: the `wanted` one, or a new one.
async fn identify(client: &Client, wanted: Option<&str>) -> Result<(), Failure> {
    let before = target(client).await?;
    match (before, wanted) {
        (None, None) => {
            // Another process may do the same at this moment.
            let new = "INSERT INTO target SELECT generateUUIDv4(), now64(3) \
                       WHERE (SELECT count() FROM target) = 0";
            execute(client, new).await.context("target")
        }
        (None, Some(wanted)) => {
            let given = client.query("INSERT INTO target SELECT toUUID(?), now64(3)");
            given.bind(wanted).execute().await.context(format_args!("--target {wanted}"))
        }
        (Some(before), Some(wanted)) if !before.eq_ignore_ascii_case(wanted) => {
            Err(Failure::Refused(format!(
                "the database has the id {before} already, and --target is {wanted}: sinks that \
                 know it by its id would refuse another one (exit code 89)"
            )))
        }
        _ => Ok(()),
    }
}

/// Returns advice for users of `isobar up`, who cannot restore a file.
fn or_start_anew() -> String {
    let words = |folder: PathBuf| {
        let folder = folder.display();
        format!(
            "; or, if `isobar up` keeps this database, end it and remove {folder}: the next starts \
             anew, without what this one held"
        )
    };
    crate::running::state_folder().map(words).unwrap_or_default()
}

const REMEMBERED: &str = "CREATE TABLE IF NOT EXISTS migrations \
    (file String, sha256 String, applied_at DateTime('UTC')) \
    ENGINE = ReplacingMergeTree ORDER BY file";

/// Returns the state of every file. Changes nothing.
///
/// # Errors
/// If ClickHouse does not answer.
pub async fn status(client: &Client) -> Result<Report, Failure> {
    let database = client.database().unwrap_or("default");
    let outside = client.clone().with_database("default");
    let known = "SELECT count() FROM system.tables WHERE database = ? AND name = 'migrations'";
    let known = outside.query(known).bind(database).fetch_one::<u64>().await;
    let applied = if known.context("ClickHouse")? > 0 {
        let applied = client.query("SELECT file, sha256 FROM migrations FINAL");
        applied.fetch_all::<(String, String)>().await.context("migrations")?
    } else {
        Vec::new()
    };
    let applied: BTreeMap<_, _> = applied.into_iter().collect();
    let mut report = Vec::new();
    for (file, text) in FILES {
        let sha256 = outside
            .query("SELECT hex(SHA256(?))")
            .bind(columns::render(text))
            .fetch_one::<String>();
        let state = match applied.get(file) {
            None => State::Pending,
            Some(applied) if *applied == sha256.await.context(file)? => State::Applied,
            Some(_) => State::Changed,
        };
        report.push((file, state));
    }
    Ok(report)
}

async fn execute(client: &Client, statement: &str) -> clickhouse::error::Result<()> {
    client.query_raw(statement).execute().await
}

/// Returns the statements of a file. Each ends with a semicolon at the end of a line.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(";\n").filter(|statement| !statement.trim().is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

    use super::{FILES, columns, statements};

    #[test]
    fn every_file_of_the_folder_is_listed_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/clickhouse");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.ends_with(".sql"));
        names.sort();
        assert!(names.iter().eq(FILES.iter().map(|(name, _)| name)), "{names:?}");
    }

    #[test]
    fn every_statement_can_be_repeated() {
        for (file, text) in FILES {
            let text = columns::render(text);
            assert!(!text.contains("{{"), "{file}: an unknown placeholder");
            for statement in statements(&text) {
                let lines = statement.lines().filter(|line| !line.starts_with("--"));
                let statement = lines.collect::<Vec<_>>().join("\n");
                let repeatable = [
                    "CREATE TABLE IF NOT EXISTS ",
                    "CREATE OR REPLACE VIEW ",
                    "CREATE OR REPLACE FUNCTION isobar_",
                ];
                let statement = statement.trim_start();
                // Only a statement without ADD COLUMN: a column could not be added twice.
                let sets = statement.starts_with("ALTER TABLE ")
                    && statement.contains(" MODIFY SETTING ")
                    && !statement.contains(',');
                assert!(
                    sets || repeatable.iter().any(|start| statement.starts_with(start)),
                    "{file}: {statement}"
                );
            }
        }
    }
}
