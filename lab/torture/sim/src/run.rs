//! One run: random steps from a seed, then an end without faults.

use std::rc::Rc;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use service::Pace;

use crate::Trouble;
use crate::cluster::{Cluster, Entry, PARTITIONS, Service, Topic};
use crate::cores::{Cores, VARIANTS, name};
use crate::faults::Faults;
use crate::process::{Process, Queues, kept, sources};
use crate::table::Tables;
use crate::world::{START_MS, World};

/// Number of steps of a run before its end.
const STEPS: std::ops::Range<u32> = 20..110;

/// Number of rounds after which a pipeline without faults must be idle.
const ROUNDS: usize = 200;

/// State that is reused by the next run.
pub(crate) struct Bench {
    pub(crate) cores: Cores,
    pub(crate) cluster: Cluster,
    pub(crate) tables: Tables,
}

/// State of a run.
pub(crate) struct Run<'a> {
    pub(crate) bench: &'a mut Bench,
    pub(crate) world: &'a World,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) faults: Faults,
    pub(crate) fleet: Vec<Process>,
    /// Records of dead processes, which are appended later.
    pub(crate) orphans: Vec<Queues>,
    /// Inserts that the server will execute later, by table.
    pub(crate) late: Vec<(usize, Vec<Vec<u8>>)>,
    /// The present settings of aggregate.
    pub(crate) variant: usize,
    /// True once a group of aggregate was started with other settings than before.
    pub(crate) changed: bool,
    pub(crate) kills: u64,
    born: u32,
    /// Raw records that were sent, by partition.
    sent: [usize; PARTITIONS],
    now_ms: i64,
    monotonic_ms: u64,
    limit: usize,
    trace: Option<Vec<String>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(bench: &'a mut Bench, world: &'a World, seed: u64, trace: bool) -> Self {
        bench.cluster.clear();
        bench.tables.clear();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let faults = Faults::draw(&mut rng);
        let variant = rng.random_range(0..VARIANTS.len());
        let limit = if rng.random_bool(0.2) { rng.random_range(300..4000) } else { usize::MAX };
        Self {
            bench,
            world,
            rng,
            faults,
            fleet: Vec::new(),
            orphans: Vec::new(),
            late: Vec::new(),
            variant,
            changed: false,
            kills: 0,
            born: 0,
            sent: [0; PARTITIONS],
            now_ms: START_MS,
            monotonic_ms: 0,
            limit,
            trace: trace.then(Vec::new),
        }
    }

    /// Runs all steps.
    pub(crate) fn play(&mut self) -> Result<(), Trouble> {
        for service in Service::ALL {
            self.start(service)?;
            self.rebalance(service)?;
        }
        for _ in 0..self.rng.random_range(STEPS) {
            self.step()?;
        }
        self.end()
    }

    /// Trace of the steps, on request.
    pub(crate) fn into_trace(mut self) -> Vec<String> {
        for process in std::mem::take(&mut self.fleet) {
            self.put_away(process);
        }
        self.trace.unwrap_or_default()
    }

    pub(crate) fn log_step(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }

    /// Gives back the handler of a process for reuse.
    pub(crate) fn put_away(&mut self, mut process: Process) {
        process.revoke(&mut self.bench.cores);
        if !process.ends {
            self.bench.cores.give_back(process.service, process.variant, process.core);
        }
    }

    pub(crate) fn partitions(&self) -> usize {
        self.world.partitions.len()
    }

    /// Starts a process of a service, without partitions.
    pub(crate) fn start(&mut self, service: Service) -> Result<(), Trouble> {
        let variant = if service == Service::Aggregate { self.variant } else { 0 };
        let core = self.bench.cores.take(service, variant)?;
        let number = self.born;
        self.born += 1;
        self.fleet.push(Process::new(number, service, variant, core, self.limit));
        self.log_step(|| match service {
            Service::Aggregate => {
                let most = VARIANTS[variant].most;
                format!("{}-{number} starts, blocks of {most:?}", name(service))
            }
            _ => format!("{}-{number} starts", name(service)),
        });
        Ok(())
    }

    /// Rebalances the sources of a service's group over its members.
    pub(crate) fn rebalance(&mut self, service: Service) -> Result<(), Trouble> {
        let of_group: Vec<usize> = (0..self.fleet.len())
            .filter(|at| self.fleet[*at].service == service && self.fleet[*at].member)
            .collect();
        for at in &of_group {
            self.fleet[*at].revoke(&mut self.bench.cores);
        }
        if of_group.is_empty() {
            return Ok(());
        }
        for source in sources(service, self.partitions()) {
            let at = of_group[self.rng.random_range(0..of_group.len())];
            let process = &mut self.fleet[at];
            process.assign(source, &mut self.bench.cores, &self.bench.cluster)?;
            let number = process.number;
            let position = process.readings.last().map_or(0, |reading| reading.position);
            let committed = self.bench.cluster.committed(service, source);
            let committed = committed.map(|committed| committed.offset.0);
            self.log_step(|| {
                format!(
                    "{}-{number} reads input {} partition {} from {position}, committed {committed:?}",
                    name(service),
                    source.input.0,
                    source.partition
                )
            });
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Trouble> {
        match self.rng.random_range(0..100) {
            0..8 => {
                let most = self.rng.random_range(1..=6);
                self.produce(most);
            }
            8..20 => self.pass_time(),
            20..30 => return self.fault(),
            _ => {
                if let Some(at) = self.any_process() {
                    self.work(at)?;
                }
            }
        }
        Ok(())
    }

    fn any_process(&mut self) -> Option<usize> {
        let count = self.fleet.len();
        (count > 0).then(|| self.rng.random_range(0..count))
    }

    /// Advances a process by some steps of its loop, producer and server, in the loop's order, so
    /// that faults can occur between any two steps.
    fn work(&mut self, at: usize) -> Result<(), Trouble> {
        if self.rng.random_bool(0.5) {
            self.acknowledge(at);
        }
        if self.rng.random_bool(0.3) {
            self.insert(at)?;
        }
        if self.rng.random_bool(0.4) {
            self.tick(at)?;
        }
        if self.rng.random_bool(0.3) {
            self.commit(at);
        }
        let readings = self.fleet[at].readings.len();
        if readings > 0 && self.rng.random_bool(0.7) {
            let reading = self.rng.random_range(0..readings);
            let most = self.rng.random_range(1..=8);
            self.read(at, reading, most)?;
        }
        if self.rng.random_bool(0.6) {
            self.land(at);
        }
        Ok(())
    }

    /// Sends raw records as clients do.
    fn produce(&mut self, most: usize) {
        let partition = self.rng.random_range(0..self.partitions());
        let world = self.world;
        let all = &world.partitions[partition];
        let sent = self.sent[partition];
        let log = self.bench.cluster.log_mut(Topic::Raw, partition);
        let mut last = None;
        for raw in all.iter().skip(sent).take(most) {
            log.entries.push(Entry {
                offset: raw.offset,
                appended_ms: raw.appended_ms,
                key: Some(Rc::clone(&raw.key)),
                payload: Rc::clone(&raw.payload),
            });
            log.end = raw.offset + 1;
            self.sent[partition] += 1;
            last = Some(raw.offset);
        }
        if let Some(last) = last {
            self.log_step(|| format!("clients: raw/{partition} reaches {last}"));
        }
    }

    pub(crate) fn pass_time(&mut self) {
        let ms = match self.rng.random_range(0..10) {
            0 => self.rng.random_range(10_000..70_000),
            1..6 => self.rng.random_range(1_000..6_000),
            _ => self.rng.random_range(50..1_500),
        };
        self.now_ms += ms;
        self.monotonic_ms += ms as u64;
        self.log_step(|| format!("time: {ms} ms pass"));
    }

    pub(crate) fn read(
        &mut self,
        at: usize,
        reading: usize,
        most: usize,
    ) -> Result<usize, Trouble> {
        let process = &mut self.fleet[at];
        let read = process.read(reading, most, &mut self.bench.cores, &self.bench.cluster)?;
        if read > 0 {
            let (service, number) = (process.service, process.number);
            let reading = process.readings[reading];
            self.log_step(|| {
                format!(
                    "{}-{number} has read input {} partition {} up to {}",
                    name(service),
                    reading.source.input.0,
                    reading.source.partition,
                    reading.position
                )
            });
        }
        Ok(read)
    }

    fn tick(&mut self, at: usize) -> Result<(), Trouble> {
        let pace = [Pace::Idle, Pace::Live, Pace::Behind][self.rng.random_range(0..3)];
        let now_ms = self.monotonic_ms;
        let (service, number) = (self.fleet[at].service, self.fleet[at].number);
        self.log_step(|| format!("{}-{number} ticks at {now_ms} ms, {pace:?}", name(service)));
        self.fleet[at].tick(now_ms, pace, &mut self.bench.cores)
    }

    /// Appends some of the records that a process has sent to one partition.
    fn land(&mut self, at: usize) {
        let process = &mut self.fleet[at];
        let waiting = process.queues.iter().filter(|(_, queue)| !queue.is_empty());
        let waiting: Vec<_> = waiting.map(|(to, queue)| (*to, queue.len())).collect();
        if waiting.is_empty() {
            return;
        }
        let ((topic, partition), most) = waiting[self.rng.random_range(0..waiting.len())];
        let count = self.rng.random_range(1..=most);
        let (service, number) = (process.service, process.number);
        let parcels = process.queues.get_mut(&(topic, partition));
        let parcels: Vec<_> = parcels.into_iter().flat_map(|queue| queue.drain(..count)).collect();
        for parcel in parcels {
            let offset = self.append(topic, partition, parcel.key, parcel.payload);
            self.fleet[at].landed.push(parcel.ticket);
            self.log_step(|| {
                format!("{}-{number}: {topic:?}/{partition} gets {offset}", name(service))
            });
        }
    }

    /// Appends a record, possibly after a gap in the offsets.
    pub(crate) fn append(
        &mut self,
        topic: Topic,
        partition: usize,
        key: Option<Rc<[u8]>>,
        payload: Rc<[u8]>,
    ) -> i64 {
        let hole = if self.faults.holes && self.rng.random_bool(0.05) {
            self.rng.random_range(1..4)
        } else {
            0
        };
        let now_ms = self.now_ms;
        let log = self.bench.cluster.log_mut(topic, partition);
        log.end += hole;
        log.append(now_ms, key, payload)
    }

    /// Delivers some acknowledgements, in any order.
    fn acknowledge(&mut self, at: usize) {
        let landed = self.fleet[at].landed.len();
        if landed == 0 {
            return;
        }
        for left in (1..=landed).rev().take(self.rng.random_range(1..=landed)) {
            let which = self.rng.random_range(0..left);
            self.fleet[at].acknowledge(which);
        }
        let (service, number) = (self.fleet[at].service, self.fleet[at].number);
        let left = self.fleet[at].landed.len();
        self.log_step(|| format!("{}-{number}: {} acknowledged", name(service), landed - left));
    }

    /// Commits the due offsets of a process. The group refuses zombies; a member's commit may fail,
    /// or its acknowledgement may be lost.
    fn commit(&mut self, at: usize) {
        let due = self.fleet[at].due();
        if due.is_empty() {
            return;
        }
        let (service, number) = (self.fleet[at].service, self.fleet[at].number);
        let (done, is_acknowledged) = match self.rng.random_range(0..100) {
            _ if !self.fleet[at].member => (false, false),
            0..90 if self.faults.no_coordinator => (false, false),
            0..8 if self.faults.lost_answers => (false, false),
            8..16 if self.faults.lost_answers => (true, false),
            _ => (true, true),
        };
        for commit in due.iter().filter(|_| done) {
            let history = self.bench.cluster.history(service, commit.source);
            if history.last().is_none_or(|last| *last != kept(commit)) {
                history.push(kept(commit));
            }
        }
        self.log_step(|| {
            let offsets: Vec<_> = due
                .iter()
                .map(|due| (due.source.input.0, due.source.partition.0, due.offset.0))
                .collect();
            format!(
                "{}-{number} commits {offsets:?}: done {done}, acknowledged {is_acknowledged}",
                name(service)
            )
        });
        if is_acknowledged {
            self.fleet[at].committed(&due, &mut self.bench.cores);
        }
    }

    /// Ends the run without further faults: everything in flight arrives, and no work may be left.
    fn end(&mut self) -> Result<(), Trouble> {
        self.log_step(|| "--- the end: no more faults".to_owned());
        self.faults = Faults::none();
        self.zombies_learn()?;
        while !self.orphans.is_empty() {
            self.land_orphans(0);
        }
        for partition in 0..self.partitions() {
            while self.sent[partition] < self.world.partitions[partition].len() {
                self.produce(usize::MAX);
            }
        }
        for service in Service::ALL {
            let alive = self.fleet.iter().any(|one| one.service == service && one.member);
            if !alive {
                self.start(service)?;
                self.rebalance(service)?;
            }
        }
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            quiet = if self.round()? { 0 } else { quiet + 1 };
            // Changes of idle partitions, covers and batches are written after a second.
            if quiet == 4 {
                while !self.late.is_empty() {
                    self.land_insert()?;
                }
                return Ok(());
            }
        }
        Err(Trouble::Restless(ROUNDS))
    }

    /// Drains a process that was asked to end, without a fault.
    pub(crate) fn settle(&mut self, at: usize) -> Result<(), Trouble> {
        for _ in 0..3 {
            self.finish(at)?;
            self.monotonic_ms += 100;
            let now_ms = self.monotonic_ms;
            self.fleet[at].tick(now_ms, Pace::Idle, &mut self.bench.cores)?;
        }
        self.finish(at)?;
        Ok(())
    }

    /// Delivers all writes and inserts of a process and commits. Returns true if there was any.
    fn finish(&mut self, at: usize) -> Result<bool, Trouble> {
        let mut busy = self.insert_all(at)?;
        while self.fleet[at].queues.values().any(|queue| !queue.is_empty()) {
            busy = true;
            self.land(at);
        }
        while !self.fleet[at].landed.is_empty() {
            self.acknowledge(at);
        }
        self.commit(at);
        Ok(busy || !self.fleet[at].is_settled())
    }

    /// Runs every process until it is idle. Returns true if there was any work.
    fn round(&mut self) -> Result<bool, Trouble> {
        let mut busy = false;
        self.now_ms += 700;
        self.monotonic_ms += 700;
        for at in 0..self.fleet.len() {
            for reading in 0..self.fleet[at].readings.len() {
                busy |= self.read(at, reading, usize::MAX)? > 0;
            }
            let now_ms = self.monotonic_ms;
            self.fleet[at].tick(now_ms, Pace::Idle, &mut self.bench.cores)?;
            busy |= self.finish(at)?;
        }
        Ok(busy)
    }
}
