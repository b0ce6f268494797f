//! Discovery of a running `isobar up` by other processes.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::failure::{Context, Failure};
use crate::names::Names;

/// Name of the file that a running `up` keeps locked.
pub const LOCK: &str = "up.lock";
/// Name of the file with the addresses of an `up`.
pub const NOTE: &str = "up.json";

/// Addresses and names that an `up` writes for other processes, once everything works.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process id.
    pub process: i32,
    /// Bootstrap servers of Kafka.
    pub kafka: String,
    /// The settings file with its client options, if there is one.
    #[serde(default)]
    pub kafka_config: Option<PathBuf>,
    /// Names of topics and groups.
    #[serde(default)]
    pub names: Names,
    /// Access to ClickHouse.
    pub clickhouse: Access,
    /// Hours within which events are not late, where it is not `ingest.late_h` by default.
    #[serde(default)]
    pub late_h: Option<u32>,
}

impl Running {
    /// Returns the running `up`.
    ///
    /// # Errors
    /// If there is none.
    pub fn find() -> Result<Self, Failure> {
        Self::find_in(&state_folder()?)
    }

    /// Returns the `up` that holds the lock in `folder`.
    ///
    /// # Errors
    /// If there is none.
    pub fn find_in(folder: &Path) -> Result<Self, Failure> {
        let noted = fs::read(folder.join(NOTE)).ok();
        let noted = noted.and_then(|text| serde_json::from_slice(&text).ok());
        match noted {
            // An `up` that was killed leaves its note, and its process id may belong to another
            // process by now.
            Some(noted) if is_held(folder)? => Ok(noted),
            _ => Err(Failure::Refused("no `isobar up` is running, or it is still starting".into())),
        }
    }
}

/// Returns true while an `up` holds the lock in `folder`.
pub fn is_held(folder: &Path) -> Result<bool, Failure> {
    let file = folder.join(LOCK);
    let lock = match File::open(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        opened => opened.context(file.display())?,
    };
    // Shared, so that readers do not block each other.
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error).context(file.display()),
    }
}

/// Returns `$XDG_STATE_HOME/isobar`, by default `~/.local/state/isobar`.
pub fn state_folder() -> Result<PathBuf, Failure> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.filter(|folder| folder.is_absolute());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    let state = state.or_else(home);
    let state =
        state.ok_or_else(|| Failure::Refused("neither HOME nor XDG_STATE_HOME is set".into()))?;
    Ok(state.join("isobar"))
}
