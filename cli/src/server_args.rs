//! Arguments that name the user's own Kafka and ClickHouse.

use clap::Args;
use deploy::access::{Access, Passwords};
use deploy::connect::KafkaArgs;
use deploy::failure::{Context, Failure};
use deploy::running::Running;

/// Arguments that name the user's own servers, instead of those that `isobar` starts.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServerArgs {
    /// The Kafka to use.
    #[command(flatten)]
    pub own: KafkaArgs,
    /// Your own ClickHouse: http://host:port.
    #[arg(long, value_name = "URL", requires = "password_from")]
    clickhouse: Option<String>,
    /// Environment variable with the password of its users migrate, sink, dashboard and verify.
    #[arg(long, value_name = "VARIABLE", requires = "clickhouse")]
    password_from: Option<String>,
}

impl ServerArgs {
    /// Returns the access to the user's own ClickHouse, if one is named.
    ///
    /// # Errors
    /// If its password is not in the environment.
    pub(crate) fn access(&self) -> Result<Option<Access>, Failure> {
        let Some((url, variable)) = self.clickhouse.clone().zip(self.password_from.as_ref()) else {
            return Ok(None);
        };
        let password = std::env::var(variable).context(variable)?;
        Ok(Some(Access { url, passwords: Passwords::same(&password) }))
    }

    /// Returns the access to the user's own ClickHouse, or to that of the running `isobar up`.
    ///
    /// # Errors
    /// If neither is there.
    pub(crate) fn access_or_of_up(&self) -> Result<Access, Failure> {
        match self.access()? {
            Some(access) => Ok(access),
            None => Ok(Running::find().context("no --clickhouse is given")?.clickhouse),
        }
    }
}
