//! One connection through a link.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Condition, Side, State};

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;
/// Pieces on their way, in each direction.
const PIECES: usize = 64;

/// How a connection ends.
enum End {
    /// On both sides.
    Closed,
    /// On the other side alone.
    Silent(Side),
}

/// Carries bytes both ways until one side closes, or the link does something about it.
pub(super) async fn run(
    mut client: TcpStream,
    mut server: TcpStream,
    mut state: watch::Receiver<State>,
) {
    let resets = state.borrow_and_update().resets;
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            () = carry(from_client, to_server, state.clone()) => End::Closed,
            () = carry(from_server, to_client, state.clone()) => End::Closed,
            end = told(&mut state, resets) => end,
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
async fn told(state: &mut watch::Receiver<State>, resets: u64) -> End {
    // A connection that begins while others are half open is a new one.
    while state.changed().await.is_ok() {
        let now = *state.borrow_and_update();
        match now.condition {
            _ if now.resets > resets => return End::Closed,
            Condition::Cut => return End::Closed,
            Condition::HalfOpen(side) => return End::Silent(side),
            Condition::Open | Condition::Delayed(_) | Condition::BlackHole => {}
        }
    }
    End::Closed
}

/// Takes what one side sends, and says nothing, until it gives up or the link is reset.
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

/// Carries bytes one way until either end is closed.
async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut state: watch::Receiver<State>) {
    let (send, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let mut reads = state.clone();
    let read = async move {
        loop {
            passable(&mut reads).await;
            let mut piece = vec![0; PIECE];
            let Ok(length @ 1..) = from.read(&mut piece).await else { return };
            piece.truncate(length);
            let due = Instant::now() + delay(&reads);
            if send.send((due, piece)).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            passable(&mut state).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    // What was read before the end still arrives.
    tokio::join!(read, write);
}

fn delay(state: &watch::Receiver<State>) -> Duration {
    match state.borrow().condition {
        Condition::Delayed(delay) => delay,
        _ => Duration::ZERO,
    }
}

/// Waits until bytes may pass.
async fn passable(state: &mut watch::Receiver<State>) {
    let _ = state.wait_for(|state| state.condition != Condition::BlackHole).await;
}
