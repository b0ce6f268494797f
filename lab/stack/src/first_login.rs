//! An authenticator that permits one login of ClickHouse's built-in user.
//!
//! `clickhouse local` runs its statements as the user `default` from 127.0.0.1, with an empty
//! password that cannot be changed. Any connection without a user name would be the same user. So
//! this user is authenticated by an HTTP server
//! (<https://clickhouse.com/docs/operations/external-authenticators/http>), which is implemented
//! here. It permits the first login, which is that of the process itself, because no port is open
//! before. It refuses all others, and stays open so that no other process can take its address.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deploy::failure::{Context, Failure};

use crate::passwords::random_text;

const PATIENCE: Duration = Duration::from_secs(5);
/// Maximum size of a request, larger than any of ClickHouse.
const MOST: usize = 4096;

/// The authenticator of a ClickHouse. Dropped, it ends.
#[derive(Debug)]
pub(super) struct FirstLogin {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The path of the next permitted login, if there is one, and the folder that is removed with it.
    expected: Option<(String, PathBuf)>,
    ended: bool,
}

impl FirstLogin {
    /// Starts to listen, and refuses every login.
    ///
    /// # Errors
    /// If there is no free port or thread.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("first login")?;
        let address = listener.local_addr().context("first login")?;
        let shared = Arc::<Mutex<Shared>>::default();
        let server = Arc::clone(&shared);
        let serve = move || {
            for connection in listener.incoming() {
                if lock(&server).ended {
                    return;
                }
                // Without a response, the login is refused.
                let _ = connection.and_then(|connection| answer(connection, &server));
            }
        };
        std::thread::Builder::new().name("first-login".into()).spawn(serve).context("thread")?;
        Ok(Self { address, shared })
    }

    /// The TCP port that it listens on.
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Permits one login, at the returned address. `folder`, which must be empty, is removed with it.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(super) fn expect(&self, folder: &Path) -> Result<String, Failure> {
        let path = format!("/{}", random_text()?);
        let url = format!("http://{}{path}", self.address);
        lock(&self.shared).expected = Some((path, folder.to_owned()));
        Ok(url)
    }
}

impl Drop for FirstLogin {
    fn drop(&mut self) {
        lock(&self.shared).ended = true;
        // The thread waits for a connection; this is the last one.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(mut connection: TcpStream, shared: &Mutex<Shared>) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let asked = request(&mut connection)?;
    let path = asked.split(' ').nth(1);
    let expected = {
        let mut shared = lock(shared);
        shared.expected.take_if(|(expected, _)| path == Some(expected))
    };
    let agreed = match expected {
        Some((_, folder)) => fs::remove_dir(folder).is_ok(),
        None => false,
    };
    let status = if agreed { "200 OK" } else { "403 Forbidden" };
    write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// Reads a request up to the end of its header.
fn request(connection: &mut TcpStream) -> io::Result<String> {
    let mut read = Vec::new();
    let mut some = [0; 512];
    while !read.windows(4).any(|end| end == b"\r\n\r\n") && read.len() < MOST {
        match connection.read(&mut some)? {
            0 => break,
            count => read.extend_from_slice(&some[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::http;

    #[test]
    fn one_login_at_the_secret_address_is_agreed_to_and_no_other() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("gone");
        let first_login = FirstLogin::listen().unwrap();
        let address = first_login.address.to_string();
        let status = |path: &str| http::get(&address, path).unwrap().status;
        assert_eq!(status("/"), 403);
        for _ in 0..2 {
            fs::create_dir(&folder).unwrap();
            let url = first_login.expect(&folder).unwrap();
            let path = url.strip_prefix(&format!("http://{address}")).unwrap();
            assert_eq!([status("/"), status("/guess")], [403, 403]);
            assert!(folder.exists());
            assert_eq!(status(path), 200);
            assert!(!folder.exists());
            assert_eq!([status(path), status("/")], [403, 403]);
        }
        drop(first_login);
        http::get(&address, "/").unwrap_err();
    }
}
