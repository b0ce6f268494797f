//! `isobar migrate`: creates ClickHouse's tables and views, or shows which exist.

use clap::{Args, Subcommand};
use deploy::failure::{Context, Failure};
use deploy::migrate;
use deploy::running::Running;

use crate::output::line;

/// `isobar migrate`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Your own ClickHouse: http://host:port; by default that of `isobar up`.
    #[arg(long, value_name = "URL", requires = "password_from", global = true)]
    clickhouse: Option<String>,
    /// User that may create tables and views.
    #[arg(long, default_value = "migrate", global = true)]
    user: String,
    /// Environment variable that holds the user's password; by default it is that of `isobar up`.
    #[arg(long, value_name = "VARIABLE", global = true)]
    password_from: Option<String>,
    /// Database that holds the tables.
    #[arg(long, default_value = "isobar", global = true)]
    database: String,
    /// Id for a further shard or replica: that of the first one, which `isobar migrate` and `isobar
    /// migrate status` print. By default a database without an id gets a new one.
    #[arg(long, value_name = "ID", global = true)]
    target: Option<String>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Verb {
    /// Shows which files are applied and which columns are missing, and changes nothing.
    Status,
}

/// Applies the migrations or reads their status, and prints the state of each file.
///
/// # Errors
/// Fails as [`migrate::apply`] and [`migrate::status`] do, and without a ClickHouse or a password.
pub async fn run(options: Options) -> Result<(), Failure> {
    let Options { clickhouse, user, password_from, .. } = &options;
    let running = || Running::find().context("no --clickhouse is given").map(|it| it.clickhouse);
    let url = match clickhouse {
        Some(url) => url.clone(),
        None => running()?.url,
    };
    let password = match password_from {
        Some(variable) => std::env::var(variable).context(variable)?,
        None => running()?.passwords.of(user).to_owned(),
    };
    let client = migrate::client(&url, &options.database, user, &password);
    let report = match options.verb {
        Some(Verb::Status) => migrate::status(&client).await?,
        None => migrate::apply_as(&client, options.target.as_deref()).await?,
    };
    for (file, state) in &report {
        line(format_args!("{state:<12} {file}"))?;
    }
    let id = migrate::target(&client).await?;
    line(format_args!("{:<12} {}", "target", id.as_deref().unwrap_or("none yet")))?;
    migrate::refuse(&migrate::differences(&client, &report).await?)
}
