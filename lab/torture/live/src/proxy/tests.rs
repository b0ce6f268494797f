#![allow(clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use super::*;

/// An echo server that reports when one of its connections ends.
fn echo() -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, ended) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, sender) = (stream.unwrap(), sender.clone());
            thread::spawn(move || {
                let mut byte = [0];
                while matches!(stream.read(&mut byte), Ok(1)) && stream.write_all(&byte).is_ok() {}
                let _ = sender.send(());
            });
        }
    });
    (address, ended)
}

struct Client(TcpStream);

impl Client {
    fn of(link: &Link) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        Self(stream)
    }

    /// Returns the response to a byte: itself, an end, or nothing for a while.
    fn answer(&mut self, byte: u8) -> Option<Option<u8>> {
        let _ = self.0.write_all(&[byte]);
        self.receive()
    }

    fn receive(&mut self) -> Option<Option<u8>> {
        let mut answer = [0];
        match self.0.read(&mut answer) {
            Ok(1) => Some(Some(answer[0])),
            Ok(_) => Some(None),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(None),
            Err(_) => None,
        }
    }
}

const ENDED: Option<Option<u8>> = Some(None);
const SILENCE: Option<Option<u8>> = None;

fn reply(byte: u8) -> Option<Option<u8>> {
    Some(Some(byte))
}

#[test]
fn an_open_link_forwards_data_and_a_cut_link_closes_all_connections() {
    let (proxies, (server, ended)) = (Proxies::start().unwrap(), echo());
    let link = proxies.open(server).unwrap();
    let mut client = Client::of(&link);
    assert_eq!(client.answer(7), reply(7));
    link.set(Condition::Cut);
    assert_eq!(client.receive(), ENDED);
    ended.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(Client::of(&link).receive(), ENDED);
    link.set(Condition::Open);
    assert_eq!(Client::of(&link).answer(8), reply(8));
}

#[test]
fn data_held_back_by_a_black_hole_arrives_when_the_link_opens() {
    let (proxies, (server, _)) = (Proxies::start().unwrap(), echo());
    let link = proxies.open(server).unwrap();
    let mut client = Client::of(&link);
    assert_eq!(client.answer(1), reply(1));
    link.set(Condition::BlackHole);
    assert_eq!(client.answer(2), SILENCE);
    let mut later = Client::of(&link);
    assert_eq!(later.answer(3), SILENCE);
    link.set(Condition::Open);
    assert_eq!((client.receive(), later.receive()), (reply(2), reply(3)));
}

#[test]
fn delay_counts_both_ways() {
    let (proxies, (server, _)) = (Proxies::start().unwrap(), echo());
    let link = proxies.open(server).unwrap();
    let mut client = Client::of(&link);
    link.set(Condition::Delayed(Duration::from_millis(100)));
    let asked = Instant::now();
    assert_eq!(client.answer(1), reply(1));
    assert!(asked.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_half_open_connection_delivers_nothing_and_new_connections_work() {
    let (proxies, (server, ended)) = (Proxies::start().unwrap(), echo());
    let link = proxies.open(server).unwrap();
    let mut client = Client::of(&link);
    assert_eq!(client.answer(1), reply(1));
    link.set(Condition::HalfOpen(Side::Client));
    ended.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(client.answer(2), SILENCE);
    let mut new = Client::of(&link);
    assert_eq!(new.answer(3), reply(3));
    link.set(Condition::Open);
    assert_eq!((client.answer(4), new.answer(5)), (SILENCE, reply(5)));
    link.set(Condition::HalfOpen(Side::Server));
    assert_eq!(new.receive(), ENDED);
    assert!(ended.recv_timeout(Duration::from_millis(300)).is_err());
    link.reset();
    assert_eq!(client.receive(), ENDED);
    ended.recv_timeout(Duration::from_secs(5)).unwrap();
}

/// Returns a request of Kafka with only its API key and one byte.
fn request(api_key: i16, byte: u8) -> [u8; 7] {
    let [a, b] = api_key.to_be_bytes();
    [0, 0, 0, 3, a, b, byte]
}

#[test]
fn a_held_kind_of_request_waits_until_the_link_opens_and_others_pass() {
    let (proxies, (server, _)) = (Proxies::start().unwrap(), echo());
    let link = proxies.open_kafka(server).unwrap();
    let (mut held, mut other) = (Client::of(&link), Client::of(&link));
    let mut answer = [0; 7];
    held.0.write_all(&request(BROKER_HEARTBEAT, 1)).unwrap();
    held.0.read_exact(&mut answer).unwrap();
    assert_eq!(answer, request(BROKER_HEARTBEAT, 1));
    link.set(Condition::Holds(BROKER_HEARTBEAT));
    held.0.write_all(&request(BROKER_HEARTBEAT, 2)).unwrap();
    assert_eq!(held.receive(), SILENCE);
    // In two parts, as may happen in a network.
    let request_of_others = request(3, 4);
    other.0.write_all(&request_of_others[..5]).unwrap();
    other.0.write_all(&request_of_others[5..]).unwrap();
    other.0.read_exact(&mut answer).unwrap();
    assert_eq!(answer, request_of_others);
    link.set(Condition::Open);
    held.0.read_exact(&mut answer).unwrap();
    assert_eq!(answer, request(BROKER_HEARTBEAT, 2));
}
