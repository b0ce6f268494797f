//! How ClickHouse is reached: its address, and a password for each of its users.

use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clickhouse::Client;
use serde::{Deserialize, Serialize};

use crate::failure::{Context, Failure};
use crate::private;

/// How to reach a ClickHouse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Its HTTP interface: `http://host:port`.
    pub url: String,
    /// Its users' passwords.
    pub passwords: Passwords,
}

impl Access {
    /// A client of Isobar's database.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        let client = Client::default().with_url(&self.url).with_database("isobar");
        client.with_user(user).with_password(self.passwords.of(user))
    }
}

/// The passwords of ClickHouse's users.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwords {
    migrate: String,
    sink: String,
    dashboard: String,
    verify: String,
}

/// Random bytes of a password.
const LENGTH: usize = 24;

impl Passwords {
    /// Users that have one.
    pub const USERS: [&str; 4] = ["migrate", "sink", "dashboard", "verify"];

    /// The same for all of them.
    #[must_use]
    pub fn same(password: &str) -> Self {
        let [migrate, sink, dashboard, verify] = [password; 4].map(str::to_owned);
        Self { migrate, sink, dashboard, verify }
    }

    /// That of a user; empty for one who is not among [`Passwords::USERS`].
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

    /// Those in `file`; new ones are written there, for its owner alone, if there is no such file.
    ///
    /// # Errors
    /// If the file cannot be read or written, or holds something else.
    pub fn kept_in(file: &Path) -> Result<Self, Failure> {
        match fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                let file = file.display();
                Failure(format!("{file} holds no passwords ({error}); remove it to get new ones"))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let passwords = Self::random()?;
                let text = serde_json::to_vec_pretty(&passwords).context(file.display())?;
                private::write(file, text)?;
                Ok(passwords)
            }
            Err(error) => Err(error).context(file.display()),
        }
    }

    fn random() -> Result<Self, Failure> {
        Ok(Self {
            migrate: random_text()?,
            sink: random_text()?,
            dashboard: random_text()?,
            verify: random_text()?,
        })
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

/// The secret that signs what is sent again to the Kafka in a stack's `folder`: made when it is
/// first asked for, and readable by its owner alone.
///
/// # Errors
/// If it cannot be read or made.
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

/// Text that nobody guesses, of letters, digits, `-` and `_`.
pub fn random_text() -> Result<String, Failure> {
    const SOURCE: &str = "/dev/urandom";
    let mut bytes = [0; LENGTH];
    let read = File::open(SOURCE).and_then(|mut source| source.read_exact(&mut bytes));
    read.context(SOURCE)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn every_user_of_every_stack_has_a_password_of_its_own_that_stays() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut seen = BTreeSet::new();
        for folder in &folders {
            let file = folder.path().join("passwords.json");
            let passwords = Passwords::kept_in(&file).unwrap();
            assert_eq!(Passwords::kept_in(&file).unwrap(), passwords);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            seen.extend(Passwords::USERS.map(|user| passwords.of(user).to_owned()));
        }
        assert_eq!(seen.len(), 2 * Passwords::USERS.len(), "{seen:?}");
        assert!(seen.iter().all(|password| password.len() >= 32), "{seen:?}");
    }

    #[test]
    fn a_file_that_holds_no_passwords_is_named_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwords.json");
        fs::write(&file, "{}").unwrap();
        let words = Passwords::kept_in(&file).unwrap_err().to_string();
        assert!(words.contains("passwords.json") && words.contains("remove it"), "{words}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    }

    #[test]
    fn passwords_are_not_printed() {
        let access = Access { url: "http://a".to_owned(), passwords: Passwords::same("secret") };
        assert!(!format!("{access:?}").contains("secret"));
    }
}
