//! TCP proxies on loopback that simulate network failures.

mod connection;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Condition of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Connections work normally.
    #[default]
    Open,
    /// Existing connections are closed, and new ones immediately.
    Cut,
    /// Data arrives after this delay, in order.
    Delayed(Duration),
    /// No data arrives, and no error is reported. Data arrives when the link is open again.
    BlackHole,
    /// Requests of Kafka with this API key, and later data on their connection, arrive when the
    /// link is open again; all others arrive. Only for links of [`Proxies::open_kafka`].
    Holds(i16),
    /// Existing connections are closed on one side without notice to the other; new ones work
    /// normally.
    HalfOpen(Side),
}

/// API key of the request by which a broker keeps its controller from fencing it.
pub const BROKER_HEARTBEAT: i16 = 63;

/// Unit in which a link forwards data of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Any bytes.
    Bytes,
    /// Whole requests of Kafka's protocol.
    Request,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Address of the client.
    Client,
    /// Address of the server.
    Server,
}

/// State of a link, which its connections watch.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    condition: Condition,
    /// Number of resets: connections that began before the last one are closed.
    resets: u64,
}

/// The runtime of links, which work until it is dropped.
#[derive(Debug)]
pub struct Proxies(Option<Runtime>);

impl Proxies {
    /// Starts the thread.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("proxies").enable_all().build().map(Some).map(Self)
    }

    /// Opens a link to `target`, on a free port.
    ///
    /// # Errors
    /// If there is no port.
    pub fn open(&self, target: SocketAddr) -> io::Result<Link> {
        self.link(target, Unit::Bytes)
    }

    /// Opens a link to a node of Kafka at `target`, on a free port. It can hold back single kinds
    /// of requests.
    ///
    /// # Errors
    /// If there is no port.
    pub fn open_kafka(&self, target: SocketAddr) -> io::Result<Link> {
        self.link(target, Unit::Request)
    }

    fn link(&self, target: SocketAddr, unit: Unit) -> io::Result<Link> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (sender, state) = watch::channel(State::default());
        if let Some(runtime) = &self.0 {
            let _inside = runtime.enter();
            runtime.spawn(accept(TcpListener::from_std(listener)?, target, unit, state));
        }
        Ok(Link { port, sender })
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The link to one server. Dropping it closes all connections.
#[derive(Debug)]
pub struct Link {
    port: u16,
    sender: watch::Sender<State>,
}

impl Link {
    /// Returns its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Sets the condition of the connections.
    pub fn set(&self, condition: Condition) {
        self.sender.send_modify(|state| state.condition = condition);
    }

    /// Returns the condition of its connections.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.sender.borrow().condition
    }

    /// Closes all existing connections.
    pub fn reset(&self) {
        self.sender.send_modify(|state| state.resets += 1);
    }
}

/// Accepts connections until the link is dropped.
async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    unit: Unit,
    mut state: watch::Receiver<State>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            changed = state.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok((client, _)) = accepted else { continue };
        if state.borrow().condition == Condition::Cut {
            continue;
        }
        let state = state.clone();
        tokio::spawn(async move {
            if let Ok(server) = TcpStream::connect(target).await {
                let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
                connection::run(client, server, unit, state).await;
            }
        });
    }
}

#[cfg(test)]
mod tests;
