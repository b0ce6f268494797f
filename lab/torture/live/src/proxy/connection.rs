//! One connection through a link.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Condition, Side, State, Unit};

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;
/// Pieces on their way, in each direction.
const PIECES: usize = 64;

/// Maximum bytes of a request that Kafka accepts (`socket.request.max.bytes`).
const REQUEST: usize = 104_857_600;

/// Unit of data that is forwarded as a whole.
struct Piece {
    due: Instant,
    /// API key, if it is a request of Kafka's protocol.
    api_key: Option<i16>,
    bytes: Vec<u8>,
}

/// End of a connection.
enum End {
    /// On both sides.
    Closed,
    /// On the other side alone.
    Silent(Side),
}

/// Forwards data both ways until one side closes, or the link ends the connection.
pub(super) async fn run(
    mut client: TcpStream,
    mut server: TcpStream,
    unit: Unit,
    mut state: watch::Receiver<State>,
) {
    let resets = state.borrow_and_update().resets;
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            () = carry(from_client, to_server, unit, state.clone()) => End::Closed,
            () = carry(from_server, to_client, Unit::Bytes, state.clone()) => End::Closed,
            end = wait_for_end(&mut state, resets) => end,
        }
    };
    match end {
        End::Closed => {}
        End::Silent(Side::Client) => {
            drop(server);
            swallow(client, state, resets).await;
        }
        End::Silent(Side::Server) => {
            drop(client);
            swallow(server, state, resets).await;
        }
    }
}

/// Waits until the link ends the connection.
async fn wait_for_end(state: &mut watch::Receiver<State>, resets: u64) -> End {
    // Connections that begin while others are half open work normally.
    while state.changed().await.is_ok() {
        let now = *state.borrow_and_update();
        match now.condition {
            _ if now.resets > resets => return End::Closed,
            Condition::Cut => return End::Closed,
            Condition::HalfOpen(side) => return End::Silent(side),
            Condition::Open
            | Condition::Delayed(_)
            | Condition::BlackHole
            | Condition::Holds(_) => {}
        }
    }
    End::Closed
}

/// Reads data from one side without a response, until it closes or the link is reset.
async fn swallow(mut stream: TcpStream, mut state: watch::Receiver<State>, resets: u64) {
    let mut nowhere = vec![0; PIECE];
    loop {
        tokio::select! {
            read = stream.read(&mut nowhere) => match read {
                Ok(1..) => {}
                _ => return,
            },
            changed = state.changed() => {
                if changed.is_err() || state.borrow_and_update().resets > resets {
                    return;
                }
            }
        }
    }
}

/// Forwards data one way until either end is closed.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    unit: Unit,
    mut state: watch::Receiver<State>,
) {
    let (send, mut pieces) = mpsc::channel::<Piece>(PIECES);
    let mut reads = state.clone();
    let read = async move {
        loop {
            passable(&mut reads, None).await;
            let read = match unit {
                Unit::Bytes => some_bytes(&mut from).await.map(|bytes| (None, bytes)),
                Unit::Request => request(&mut from).await.map(|(key, bytes)| (Some(key), bytes)),
            };
            let Some((api_key, bytes)) = read else { return };
            let due = Instant::now() + delay(&reads);
            if send.send(Piece { due, api_key, bytes }).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some(Piece { due, api_key, bytes }) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            passable(&mut state, api_key).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    // Data read before the end still arrives.
    tokio::join!(read, write);
}

/// Returns the data that has arrived; none at the end.
async fn some_bytes(from: &mut ReadHalf<'_>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; PIECE];
    let length @ 1.. = from.read(&mut bytes).await.ok()? else { return None };
    bytes.truncate(length);
    Some(bytes)
}

/// Returns the next request of Kafka's protocol (its length as four bytes big-endian, followed by
/// that many bytes, of which the first two are the API key), and that key. None at the end, or if
/// it is not a valid request.
async fn request(from: &mut ReadHalf<'_>) -> Option<(i16, Vec<u8>)> {
    let length = from.read_u32().await.ok()?;
    let body = usize::try_from(length).ok().filter(|length| (2..=REQUEST).contains(length))?;
    let mut bytes = vec![0; 4 + body];
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    from.read_exact(&mut bytes[4..]).await.ok()?;
    Some((i16::from_be_bytes([bytes[4], bytes[5]]), bytes))
}

fn delay(state: &watch::Receiver<State>) -> Duration {
    match state.borrow().condition {
        Condition::Delayed(delay) => delay,
        _ => Duration::ZERO,
    }
}

/// Waits until data may pass; `api_key` is that of a request.
async fn passable(state: &mut watch::Receiver<State>, api_key: Option<i16>) {
    let passes = |state: &State| match state.condition {
        Condition::BlackHole => false,
        Condition::Holds(key) => api_key != Some(key),
        _ => true,
    };
    let _ = state.wait_for(passes).await;
}
