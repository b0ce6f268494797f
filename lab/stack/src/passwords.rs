//! Passwords of the users of a local ClickHouse, stored in a file.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deploy::access::Passwords;
use deploy::failure::{Context, Failure};
use deploy::private;

/// Random bytes of a password.
const LENGTH: usize = 24;

/// Returns the passwords in `file`. Without such a file new ones are written there, readable by its
/// owner alone.
///
/// # Errors
/// If the file cannot be read or written, or holds something else.
pub(crate) fn kept_in(file: &Path) -> Result<Passwords, Failure> {
    match fs::read(file) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| {
            let file = file.display();
            Failure::Refused(format!(
                "{file} holds no passwords ({error}); remove it to get new ones"
            ))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let passwords = random()?;
            let text = serde_json::to_vec_pretty(&passwords).context(file.display())?;
            private::write(file, text)?;
            Ok(passwords)
        }
        Err(error) => Err(error).context(file.display()),
    }
}

fn random() -> Result<Passwords, Failure> {
    Ok(Passwords {
        migrate: random_text()?,
        sink: random_text()?,
        dashboard: random_text()?,
        verify: random_text()?,
    })
}

/// Returns random text of letters, digits, `-` and `_`.
///
/// # Errors
/// If the system's source of random numbers cannot be read.
pub(crate) fn random_text() -> Result<String, Failure> {
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
    fn every_user_of_every_stack_has_a_password_of_its_own_that_is_kept() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut seen = BTreeSet::new();
        for folder in &folders {
            let file = folder.path().join("passwords.json");
            let passwords = kept_in(&file).unwrap();
            assert_eq!(kept_in(&file).unwrap(), passwords);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            seen.extend(Passwords::USERS.map(|user| passwords.of(user).to_owned()));
        }
        assert_eq!(seen.len(), 2 * Passwords::USERS.len(), "{seen:?}");
        assert!(seen.iter().all(|password| password.len() >= 32), "{seen:?}");
    }

    #[test]
    fn a_file_that_holds_no_passwords_is_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwords.json");
        fs::write(&file, "{}").unwrap();
        let words = kept_in(&file).unwrap_err().to_string();
        assert!(words.contains("passwords.json") && words.contains("remove it"), "{words}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    }
}
