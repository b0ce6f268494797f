//! Lock on the folder of a local stack, for one `up` at a time.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use deploy::failure::{Context, Failure};
use deploy::private;
use deploy::running::{LOCK, NOTE, Running};
use serde::Serialize;

use crate::ports::Ports;

const PORTS: &str = "ports.json";

/// The folder of the local stack, which one `up` at a time holds.
#[derive(Debug)]
pub struct Place {
    /// Its path.
    pub folder: PathBuf,
    /// The system releases it when the process ends in any way.
    _lock: File,
}

impl Place {
    /// Locks `folder` until the value is dropped.
    pub fn take(folder: PathBuf) -> Result<Self, Failure> {
        private::create_folder(&folder)?;
        let file = folder.join(LOCK);
        let lock = File::options().create(true).append(true).open(&file).context(file.display())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what_to_do = "end it with `isobar down` or Ctrl-C";
                return Err(Failure::Refused(format!(
                    "`isobar up` is running already; {what_to_do}"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(error).context(file.display()),
        }
        let note = folder.join(NOTE);
        if let Err(error) = fs::remove_file(&note)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error).context(note.display());
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Returns the ports of the last `up`, with other ports in place of those that are in use now, and stores
    /// them for the next `up`.
    pub fn ports(&self) -> Result<Ports, Failure> {
        let file = self.folder.join(PORTS);
        let last = fs::read(&file).ok();
        let last = last.and_then(|text| serde_json::from_slice::<Ports>(&text).ok());
        let ports = last.map_or_else(|| Ports::free(1), Ports::or_free)?;
        write(&file, &ports)?;
        Ok(ports)
    }

    /// Writes the addresses for other processes.
    pub fn note(&self, running: &Running) -> Result<(), Failure> {
        write(&self.folder.join(NOTE), running)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Without the lock the file has no meaning.
        let _ = fs::remove_file(self.folder.join(NOTE));
    }
}

fn write(file: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(value).context(file.display())?;
    private::write(file, text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::{Ipv4Addr, TcpListener};

    use deploy::access::{Access, Passwords};
    use deploy::names::Names;

    use super::*;

    fn running() -> Running {
        let process = std::process::id().cast_signed();
        Running {
            process,
            kafka: "127.0.0.1:1".into(),
            kafka_config: None,
            names: Names::with_prefix("ours-"),
            clickhouse: Access {
                url: "http://127.0.0.1:2".into(),
                passwords: Passwords::same("a"),
            },
            late_h: Some(100),
        }
    }

    #[test]
    fn an_up_is_found_from_its_note_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        Running::find_in(folder).unwrap_err();
        let place = Place::take(folder.to_owned()).unwrap();
        Running::find_in(folder).unwrap_err();
        place.note(&running()).unwrap();
        assert_eq!(Running::find_in(folder).unwrap(), running());
        drop(place);
        Running::find_in(folder).unwrap_err();
        assert!(!folder.join(NOTE).exists());
    }

    #[test]
    fn a_process_that_only_has_the_number_of_a_killed_up_is_not_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join(NOTE), &running()).unwrap();
        Running::find_in(folder.path()).unwrap_err();
        let place = Place::take(folder.path().to_owned()).unwrap();
        Running::find_in(folder.path()).unwrap_err();
        drop(place);
    }

    #[test]
    fn one_up_at_a_time_holds_a_folder_and_the_next_listens_where_it_did() {
        let folder = tempfile::tempdir().unwrap();
        let take = || Place::take(folder.path().to_owned());
        let place = take().unwrap();
        let ports = place.ports().unwrap();
        let words = take().unwrap_err().to_string();
        assert!(words.contains("running already") && words.contains("isobar down"), "{words}");
        drop(place);
        assert_eq!(take().unwrap().ports().unwrap(), ports);
    }

    #[test]
    fn only_a_kept_port_that_is_in_use_changes() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::take(folder.path().to_owned()).unwrap();
        let ports = place.ports().unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.brokers[0].controller)).unwrap();
        let others = place.ports().unwrap();
        assert_ne!(others.brokers[0].controller, ports.brokers[0].controller);
        assert_eq!(others.brokers[0].clients, ports.brokers[0].clients);
        assert_eq!(others.clickhouse_http, ports.clickhouse_http);
        drop(taken);
        assert_eq!(place.ports().unwrap(), others);
    }
}
