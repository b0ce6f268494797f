//! Health stays fast while answers are computed.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use host::{Health, serve_beside};
use prometheus::Registry;

use super::{Shared, routes};
use crate::freshness::Watch;
use crate::named::Named;
use crate::settings::DashboardSettings;
use crate::store::Store;

/// Cells of the slow answer.
const CELLS: usize = 12_000;
/// Requests that are computed at the same time.
const READERS: usize = 6;
/// Longest wait for health.
const SOON: Duration = Duration::from_millis(300);

/// A breakdown of so many cells that folding them takes a while.
fn many_cells(query: Named) -> String {
    let mut rows = String::new();
    for number in 0..CELLS {
        let name = format!(
            "\"above\":\"\",\"parent\":\"{}\",\"name\":\"{number}\",\"bucket\":\"\"",
            number % 7
        );
        let sums = "\"browser\":\"\",\"device_class\":\"\",\"network_type\":\"\",\"kind\":\"\",\"w\":\"9\",\
                    \"y\":\"1\",\"ww\":\"9\",\"wy\":\"1\",\"yy\":\"1\",\"intervals\":1";
        match query {
            Named::Lattice | Named::Counts => {
                let lattice = "\"masks\":[16383],\"firsts\":[],\"lasts\":[],\"sessions\":9";
                writeln!(rows, "{{{name},{lattice}}}").unwrap();
            }
            _ => writeln!(rows, "{{{name},{sums},\"sessions\":9}}").unwrap(),
        }
    }
    rows
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn readers_of_large_answers_do_not_delay_health() {
    let settings = DashboardSettings { reuse_s: 0, ..DashboardSettings::default() };
    let store = Store::of_world(&settings, Box::new(|query, _| many_cells(query))).unwrap();
    let workers = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (watch, handle) = (Arc::new(Watch::new(180)), workers.handle().clone());
    let shared = Shared::new(settings, Arc::new(store), watch, &Registry::new(), handle).unwrap();
    let health = Arc::new(Health::new());
    let listen = "127.0.0.1:0".parse().unwrap();
    let routes = routes(Arc::new(shared));
    let address = serve_beside(routes, listen, health, Registry::new(), || ()).unwrap();

    let started = Instant::now();
    let read = move || get(address, "/api/v1/breakdown?by=provider&country=BR&limit=1");
    let readers: Vec<_> = (0..READERS).map(|_| std::thread::spawn(read)).collect();
    let mut slowest = Duration::ZERO;
    while readers.iter().any(|reader| !reader.is_finished()) {
        let asked = Instant::now();
        assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
        slowest = slowest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    for reader in readers {
        let answer = reader.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(
        started.elapsed() > 3 * SOON,
        "the answers were too fast to try: {:?}",
        started.elapsed()
    );
    assert!(slowest < SOON, "{slowest:?} of {:?}", started.elapsed());
}
