//! Access to ClickHouse: its address, and a password for each of its users.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use clickhouse::Client;
use serde::{Deserialize, Serialize};

use crate::failure::{Context, Failure};
use crate::private;

/// Address and passwords of a ClickHouse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Its HTTP interface: `http://host:port`.
    pub url: String,
    /// Its users' passwords.
    pub passwords: Passwords,
}

impl Access {
    /// Returns a client of Isobar's database.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        let client = Client::default().with_url(&self.url).with_database("isobar");
        client.with_user(user).with_password(self.passwords.of(user))
    }
}

/// Passwords of ClickHouse's users.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwords {
    /// Password of the user that creates tables and views.
    pub migrate: String,
    /// Password of the user that inserts.
    pub sink: String,
    /// Password of the user that reads views.
    pub dashboard: String,
    /// Password of the user that reads tables.
    pub verify: String,
}

impl Passwords {
    /// Names of the users.
    pub const USERS: [&str; 4] = ["migrate", "sink", "dashboard", "verify"];

    /// Returns the same password for all users.
    #[must_use]
    pub fn same(password: &str) -> Self {
        let [migrate, sink, dashboard, verify] = [password; 4].map(str::to_owned);
        Self { migrate, sink, dashboard, verify }
    }

    /// Returns the password of a user; empty for one that is not in [`Passwords::USERS`].
    #[must_use]
    pub fn of(&self, user: &str) -> &str {
        match user {
            "migrate" => &self.migrate,
            "sink" => &self.sink,
            "dashboard" => &self.dashboard,
            "verify" => &self.verify,
            _ => "",
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

/// Returns the secret that signs replayed records for the Kafka in a stack's `folder`. The first call
/// creates it, readable by its owner alone.
///
/// # Errors
/// If it cannot be read or created.
pub fn replay_key(folder: &Path) -> Result<String, Failure> {
    let file = folder.join("replay.key");
    if let Ok(secret) = fs::read_to_string(&file) {
        return Ok(secret);
    }
    let mut bytes = [0; 32];
    let mut random = File::open("/dev/urandom").context("/dev/urandom")?;
    random.read_exact(&mut bytes).context("/dev/urandom")?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    private::write(&file, &secret)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_printed() {
        let access = Access { url: "http://a".to_owned(), passwords: Passwords::same("secret") };
        assert!(!format!("{access:?}").contains("secret"));
    }
}
