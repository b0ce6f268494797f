//! A running broker that its controller fences: clients of librdkafka may then lose their brokers
//! permanently (librdkafka#5301). And a broker that is away for long.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use stack::options::World;
use stack::pipeline::prepare;
use stack::{Stack, Watch, free_ports, verdict};
use torture_live::proxy::{BROKER_HEARTBEAT, Condition, Link, Proxies};

use crate::harness::{Turn, assert_verified, world};
use crate::program::Program;

/// `limits.stall_s` of the services.
const STALL_S: u64 = 10;
/// Time from a restart to an assignment, on a busy machine.
const RESTART: Duration = Duration::from_secs(40);
/// Number of fencings after which a client must have stalled: according to public reports and
/// experience, most do at the first or second.
const FENCINGS: u32 = 8;

/// Returns a stack whose broker reaches its controller, a separate process, through a link.
fn apart(turn: &Turn, proxies: &Proxies) -> (Stack, Link) {
    let mut plan = turn.plan();
    let controller = free_ports(1).unwrap()[0];
    plan.ports.controller = Some(controller);
    let link = proxies.open_kafka(SocketAddr::from((Ipv4Addr::LOCALHOST, controller))).unwrap();
    plan.ports.brokers[0].quorum = Some(link.port());
    (Stack::start(plan).unwrap(), link)
}

/// A service, with its parameters for a restart.
struct Kept<'a> {
    name: &'static str,
    settings: Vec<(&'static str, String)>,
    stack: &'a Stack,
    turn: &'a Turn,
    program: Program,
    stalled: u32,
    /// True if `/healthz` has failed since the last start.
    failed_health: bool,
}

impl<'a> Kept<'a> {
    fn start(
        name: &'static str,
        settings: &[(&'static str, String)],
        stack: &'a Stack,
        turn: &'a Turn,
    ) -> Self {
        let program = start(name, settings, stack, turn);
        let settings = settings.to_vec();
        Self { name, settings, stack, turn, program, stalled: 0, failed_health: false }
    }

    /// Returns true if the service has partitions. Restarts a service that ended because of a
    /// stall, after checking that `/healthz` failed first.
    fn is_assigned(&mut self) -> bool {
        self.failed_health |= try_get(&self.program, "/healthz").is_some_and(|it| it.0 == 503);
        if let Some((code, line)) = self.program.ended() {
            assert_eq!(code, 90, "{} ended with {code}: {line}", self.name);
            let output = self.program.output();
            assert_eq!(output.matches("stalled: the ").count(), 1, "{output}");
            assert!(self.failed_health, "{} was healthy to its end: {output}", self.name);
            self.stalled += 1;
            self.failed_health = false;
            self.program = start(self.name, &self.settings, self.stack, self.turn);
            return false;
        }
        assigned(&self.program) > 0.0
    }
}

fn start(
    name: &'static str,
    settings: &[(&'static str, String)],
    stack: &Stack,
    turn: &Turn,
) -> Program {
    let stall = STALL_S.to_string();
    let mut all = vec![("LIMITS__STALL_S", &*stall)];
    all.extend(settings.iter().map(|(key, value)| (*key, &**value)));
    Program::start(name, &stack.brokers(), turn.folder.path(), &all)
}

fn assigned(program: &Program) -> f64 {
    program.try_metrics().and_then(|it| it.sum("isobar_partitions_assigned")).unwrap_or(0.0)
}

/// Returns the status and body of a service's response at `path`.
fn get(program: &Program, path: &str) -> (u16, String) {
    try_get(program, path).unwrap()
}

/// Returns the status and body, or none if the service does not respond.
fn try_get(program: &Program, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(program.address()?).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: isobar\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Polls all services for `time`.
async fn look_for(kept: &mut [Kept<'_>], time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        for one in &mut *kept {
            one.is_assigned();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn services_recover_from_a_fenced_broker_within_stall_s() {
    let turn = Turn::take();
    let proxies = Proxies::start().unwrap();
    let (stack, link) = apart(&turn, &proxies);
    prepare(&stack, &|_: &str| ()).await.unwrap();
    let access = stack.access();
    let clickhouse = [
        ("SINK__URL", access.url.clone()),
        ("SINK__PASSWORD", access.passwords.of("sink").to_owned()),
    ];
    let geo = stack.geo_files();
    let look_ups = [
        ("ENRICH__CITY", serde_json::json!(geo.city).to_string()),
        ("ENRICH__ASN", serde_json::json!(geo.asn).to_string()),
    ];
    let keep = |name, settings: &[_]| Kept::start(name, settings, &stack, &turn);
    let mut kept = [
        keep("ingest", &[]),
        keep("enrich", &look_ups),
        keep("aggregate", &[]),
        keep("sink", &clickhouse),
    ];
    // A service without stall detection still has to end on SIGTERM.
    let patience = [
        ("KAFKA__GROUP", "patient".to_owned()),
        ("LIMITS__STALL_S", "3600".to_owned()),
        ("LIMITS__SHUTDOWN_DEADLINE_S", "2".to_owned()),
    ];
    let settings = [&look_ups[..], &patience].concat();
    let mut patient = start("enrich", &settings, &stack, &turn);
    for one in &kept {
        one.program.wait_for("assigned partitions");
    }
    patient.wait_for("assigned partitions");
    let mut before = Watch::start(&stack, &world(8)).await.unwrap();
    while !before.sender_ended().unwrap() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let mut fencings = 0;
    while kept.iter().all(|one| one.stalled == 0) || fencings < 2 {
        assert!(fencings < FENCINGS, "no client stalled");
        fencings += 1;
        link.set(Condition::Holds(BROKER_HEARTBEAT));
        look_for(&mut kept, Duration::from_secs(15)).await;
        link.set(Condition::Open);
        // A disconnected member keeps its partitions until its session times out.
        look_for(&mut kept, Duration::from_secs(12)).await;
        let patience = Instant::now() + Duration::from_secs(STALL_S) + RESTART;
        while !kept.iter_mut().map(Kept::is_assigned).fold(true, |all, one| all & one) {
            let state = kept.iter().map(|one| (one.name, assigned(&one.program), one.stalled));
            let state: Vec<_> = state.collect();
            assert!(Instant::now() < patience, "after {fencings} fencings: {state:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let stalled: Vec<_> = kept.iter().map(|one| (one.name, one.stalled)).collect();
    println!("after {fencings} fencings: {stalled:?}, and one that waits: {}", assigned(&patient));

    // The consumer lag of a stalled group is also reported.
    let lag = patient.metrics().series("isobar_consumer_lag_records");
    assert_eq!(lag, 4, "{}", patient.output());
    let asked = Instant::now();
    patient.signal(Signal::SIGTERM);
    let (code, _) = patient.end();
    assert!(asked.elapsed() < Duration::from_secs(7), "{:?}", asked.elapsed());
    assert!([0, 75].contains(&code), "{code}");

    // The next world appends its truth to the same file.
    let truth_before = turn.folder.path().join("before.truth");
    fs::copy(before.truth(), &truth_before).unwrap();
    before.drain().await.unwrap();
    drop(before);
    let mut after = Watch::start(&stack, &World { seed: 8, ..world(8) }).await.unwrap();
    while !after.sender_ended().unwrap() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    after.drain().await.unwrap();
    let truths = vec![truth_before, after.truth()];
    assert_verified(&verdict::verify_stack(truths, &stack).await.unwrap());
}

#[test]
fn a_service_recreates_its_consumer_after_a_long_outage() {
    let turn = Turn::take();
    let mut stack = turn.kafka();
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["topics", "apply", "--partitions", "1", "--kafka", &stack.brokers()])
        .status();
    assert!(made.unwrap().success());
    let [mut one, mut standby] = [0, 1].map(|_| start("ingest", &[], &stack, &turn));
    for program in [&one, &standby] {
        program.wait_for("assigned partitions");
    }
    // An empty assignment is healthy.
    sleep(Duration::from_secs(STALL_S * 2 + 5));
    for program in [&mut one, &mut standby] {
        assert_eq!(program.ended(), None, "{}", program.output());
        assert_eq!(get(program, "/healthz").0, 200);
        assert_eq!(get(program, "/readyz").0, 200);
        assert_eq!(program.metrics().series("isobar_consumer_lag_records"), 1);
    }
    assert_eq!(assigned(&one) + assigned(&standby), 1.0);

    let guard = stack.guard().clone();
    let broker = &mut stack.kafka().unwrap().brokers[0];
    broker.stop();
    let gone = Instant::now();
    sleep(Duration::from_secs(STALL_S + 10));
    for program in [&one, &standby] {
        let (status, waits) = get(program, "/readyz");
        assert_eq!(status, 503);
        assert!(waits.contains("no broker answers") && waits.contains("Kafka at"), "{waits}");
        assert_eq!(get(program, "/healthz").0, 200);
    }
    while !one.output().contains("recreates its consumer") {
        assert!(gone.elapsed() < Duration::from_secs(STALL_S * 10 + 40), "{}", one.output());
        sleep(Duration::from_millis(200));
    }
    assert!(gone.elapsed() > Duration::from_secs(STALL_S * 9));
    broker.start(&guard).unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while assigned(&one) + assigned(&standby) != 1.0
        || [&one, &standby].iter().any(|program| get(program, "/readyz").0 != 200)
    {
        assert!(Instant::now() < patience, "{}", one.output());
        sleep(Duration::from_millis(200));
    }
    for program in [one, standby] {
        assert_eq!(get(&program, "/healthz").0, 200);
        program.stop();
    }
}
