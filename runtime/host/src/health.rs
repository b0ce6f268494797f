//! The server of health and metrics, and the handling of signals, on a thread beside the loop.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use service::harmless;
use tokio::signal::unix::{SignalKind, signal};

/// Time without a beat after which a loop counts as hanging.
const BEAT_LIMIT: Duration = Duration::from_secs(30);

/// State that the loop shares with the server: health, and the request to end.
pub struct Health {
    started: Instant,
    /// Ms from the start to the last beat.
    beat: AtomicU64,
    waits_for: Mutex<Option<String>>,
    stalled: Mutex<Option<String>>,
    stopping: AtomicBool,
}

impl Health {
    /// Returns the state of a process that starts.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            beat: AtomicU64::new(0),
            waits_for: Mutex::new(Some("the start".to_owned())),
            stalled: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Records that the loop is alive.
    pub fn beat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(now, Ordering::Relaxed);
    }

    /// Sets what the process waits for; `None` while it works.
    pub fn set_waits_for(&self, what: Option<String>) {
        *self.waits_for.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Records that the process makes no progress and is about to end.
    pub fn set_stalled(&self, why: &str) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// Returns true once a signal has asked the process to end.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Returns the reason why the process is unhealthy, if it is.
    pub fn dead(&self) -> Option<String> {
        let stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        let hangs = self.started.elapsed().saturating_sub(beat) >= BEAT_LIMIT;
        stalled.or_else(|| hangs.then(|| "the consumer loop has made no step for 30 s".to_owned()))
    }

    /// Returns the state of a loop that hangs, for tests.
    #[must_use]
    pub fn hanging() -> Self {
        let started = Instant::now().checked_sub(BEAT_LIMIT).unwrap_or_else(Instant::now);
        Self { started, ..Self::new() }
    }

    fn waits_for(&self) -> Option<String> {
        self.waits_for.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

/// Serves health and metrics on a thread of its own until the process ends, and returns the address. Calls
/// `stop` at the first SIGTERM or SIGINT.
///
/// # Errors
/// If the address cannot be bound, or no thread can be started.
pub fn serve(
    listen: SocketAddr,
    health: Arc<Health>,
    registry: Registry,
    stop: impl Fn() + Clone + Send + 'static,
) -> std::io::Result<SocketAddr> {
    serve_beside(Router::new(), listen, health, registry, stop)
}

/// Like [`serve`], with further routes at the same address.
///
/// # Errors
/// Same as [`serve`].
pub fn serve_beside(
    routes: Router,
    listen: SocketAddr,
    health: Arc<Health>,
    registry: Registry,
    stop: impl Fn() + Clone + Send + 'static,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (listener, terminate, interrupt) = {
        let _context = runtime.enter();
        (
            tokio::net::TcpListener::from_std(listener)?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    let router = router(Arc::clone(&health), registry).merge(routes);
    std::thread::Builder::new().name("health".to_owned()).spawn(move || {
        runtime.spawn(stop_on(terminate, Arc::clone(&health), stop.clone()));
        runtime.spawn(stop_on(interrupt, health, stop));
        if let Err(error) = runtime.block_on(async { axum::serve(listener, router).await }) {
            tracing::error!("the health server ended: {error}");
        }
    })?;
    Ok(address)
}

async fn stop_on(
    mut signal: tokio::signal::unix::Signal,
    health: Arc<Health>,
    stop: impl Fn() + Send,
) {
    while signal.recv().await.is_some() {
        if !health.stopping.swap(true, Ordering::Relaxed) {
            stop();
        }
    }
}

fn router(health: Arc<Health>, registry: Registry) -> Router {
    Router::new()
        .route("/metrics", get(metrics).with_state(registry))
        .route("/healthz", get(healthz).with_state(Arc::clone(&health)))
        .route("/readyz", get(readyz).with_state(health))
}

async fn metrics(State(registry): State<Registry>) -> (StatusCode, String) {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn healthz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    match health.dead() {
        None => (StatusCode::OK, "alive\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    match health.waits_for() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("waits for {}\n", harmless(&what))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: isobar\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn readiness_names_what_it_waits_for_until_nothing_is_left() {
        let health = Arc::new(Health::new());
        let listen = "127.0.0.1:0".parse().unwrap();
        let address = serve(listen, Arc::clone(&health), Registry::new(), || ()).unwrap();
        health.set_waits_for(Some("Kafka".to_owned()));
        let answer = get(address, "/readyz");
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("waits for Kafka\n"));
        health.set_waits_for(Some("a topic \x1b[2J\n".to_owned()));
        assert!(get(address, "/readyz").ends_with("waits for a topic \\u001b[2J\\u000a\n"));
        health.set_waits_for(None);
        assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
        assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
        health.set_stalled("no progress");
        let answer = get(address, "/healthz");
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("no progress\n"));
    }

    #[test]
    fn a_loop_that_does_not_beat_is_not_alive() {
        assert_eq!(Health::new().dead(), None);
        let health = Health::hanging();
        assert!(health.dead().is_some());
        health.beat();
        assert_eq!(health.dead(), None);
    }
}
