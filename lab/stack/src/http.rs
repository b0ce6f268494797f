//! GET requests to a server on this machine.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

/// Response of a server.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// Requests `path` from the server at `address` (`host:port`). HTTP 1.0, so that the body is not chunked and
/// ends with the connection.
///
/// # Errors
/// If there is no answer within two seconds, or it is not HTTP.
pub fn get(address: &str, path: &str) -> io::Result<Answer> {
    get_within(address, path, PATIENCE)
}

/// As [`get`], for answers that may take longer: waits `patience` for each part of one.
///
/// # Errors
/// If there is no answer in time, or it is not HTTP.
pub fn get_within(address: &str, path: &str, patience: Duration) -> io::Result<Answer> {
    get_as(address, path, &[], patience)
}

/// As [`get_within`], with further headers (names and values).
///
/// # Errors
/// As [`get_within`].
pub fn get_as(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    patience: Duration,
) -> io::Result<Answer> {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::InvalidData)?;
    Ok(Answer { status, body: body.to_owned() })
}
