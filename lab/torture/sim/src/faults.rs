//! Faults of a run.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use sink::seam::ErrorText;

use crate::Trouble;
use crate::cluster::{Service, Topic};
use crate::cores::{Core, VARIANTS, name};
use crate::process::{Queues, sources};
use crate::run::Run;

/// Maximum number of processes of a service.
const MOST_PROCESSES: usize = 3;

/// Kinds of faults of a run. Each is drawn independently, so that some runs have only one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    kills: bool,
    zombies: bool,
    rebalances: bool,
    rewinds: bool,
    settings: bool,
    /// Kafka deletes the committed offsets of aggregate's group.
    oblivion: bool,
    clocks: bool,
    /// Offsets without records.
    pub(crate) holes: bool,
    /// Inserts with unknown outcome, refused ones, partial ones, and delayed copies.
    inserts: bool,
    /// Commits that fail, or whose acknowledgement is lost.
    pub(crate) lost_answers: bool,
    /// Most commits fail.
    pub(crate) no_coordinator: bool,
}

impl Faults {
    pub(crate) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut one = || rng.random_bool(0.6);
        Self {
            kills: one(),
            zombies: one(),
            rebalances: one(),
            rewinds: one(),
            settings: one(),
            oblivion: one(),
            clocks: one(),
            holes: one(),
            inserts: one(),
            lost_answers: one(),
            no_coordinator: rng.random_bool(0.2),
        }
    }

    pub(crate) const fn none() -> Self {
        Self {
            kills: false,
            zombies: false,
            rebalances: false,
            rewinds: false,
            settings: false,
            oblivion: false,
            clocks: false,
            holes: false,
            inserts: false,
            lost_answers: false,
            no_coordinator: false,
        }
    }
}

/// Errors of inserts with unknown outcome.
const UNKNOWN: [&str; 3] = [
    "Code: 209. DB::NetException: Timeout exceeded while reading from socket. (SOCKET_TIMEOUT)",
    "Code: 210. DB::NetException: Connection reset by peer. (NETWORK_ERROR)",
    "Code: 319. DB::Exception: Unknown status of insert. (UNKNOWN_STATUS_OF_INSERT)",
];
const REFUSED: [&str; 2] = [
    "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)",
    "Code: 242. DB::Exception: Table is in readonly mode. (TABLE_IS_READ_ONLY)",
];

impl Run<'_> {
    /// Injects one of the possible faults.
    pub(crate) fn fault(&mut self) -> Result<(), Trouble> {
        // Tries again if a kind is not enabled in this run.
        for _ in 0..4 {
            let service = Service::ALL[self.rng.random_range(0..4)];
            match self.rng.random_range(0..100) {
                0..35 if self.faults.kills => return self.kill_one(),
                35..47 if self.faults.zombies => return self.lose_contact(),
                47..57 if self.faults.rebalances => return self.scale(service),
                57..62 if self.faults.rebalances => return self.stop(service),
                62..70 if self.faults.rewinds => return self.rewind(service),
                70..76 if self.faults.settings => return self.change_settings(),
                76..78 if self.faults.oblivion => return self.forget(),
                78..83 if self.faults.clocks => {
                    self.jump();
                    return Ok(());
                }
                83..87 => return self.zombies_learn(),
                87..93 if !self.orphans.is_empty() => {
                    let which = self.rng.random_range(0..self.orphans.len());
                    self.land_orphans(which);
                    return Ok(());
                }
                93..100 if !self.late.is_empty() => return self.land_insert(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Kills a process. Each of its records in flight is appended now, later or never.
    fn kill(&mut self, at: usize) {
        let mut process = self.fleet.swap_remove(at);
        self.kills += 1;
        let (service, number) = (process.service, process.number);
        let mut sent = std::mem::take(&mut process.queues);
        sent.retain(|_, queue| {
            queue.truncate(self.rng.random_range(0..=queue.len()));
            !queue.is_empty()
        });
        let left: usize = sent.values().map(|queue| queue.len()).sum();
        self.log_step(|| format!("{}-{number} is killed; {left} records land", name(service)));
        let request = match &mut process.core {
            Core::Sink(_, seam) => (0..4).find_map(|lane| Some((lane, seam.request(lane)?))),
            _ => None,
        };
        // The server may have the request already.
        self.late.extend(request.filter(|_| self.rng.random_bool(0.5)));
        self.put_away(process);
        if !sent.is_empty() {
            self.orphans.push(sent);
            if self.rng.random_bool(0.5) {
                self.land_orphans(self.orphans.len() - 1);
            }
        }
    }

    fn kill_one(&mut self) -> Result<(), Trouble> {
        if self.fleet.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..self.fleet.len());
        let (service, member) = (self.fleet[at].service, self.fleet[at].member);
        self.kill(at);
        if !member {
            return Ok(());
        }
        let alone = !self.fleet.iter().any(|one| one.service == service && one.member);
        if alone || self.rng.random_bool(0.5) {
            self.start(service)?;
        }
        self.rebalance(service)
    }

    /// Removes a process from its group without its knowledge: it continues as a zombie.
    fn lose_contact(&mut self) -> Result<(), Trouble> {
        let members: Vec<_> = (0..self.fleet.len()).filter(|at| self.fleet[*at].member).collect();
        if members.is_empty() {
            return Ok(());
        }
        let process = &mut self.fleet[members[self.rng.random_range(0..members.len())]];
        process.member = false;
        let (service, number) = (process.service, process.number);
        self.log_step(|| format!("{}-{number} loses its place, and does not know", name(service)));
        let alone = !self.fleet.iter().any(|one| one.service == service && one.member);
        if alone {
            self.start(service)?;
        }
        self.rebalance(service)
    }

    /// Notifies zombies: they drop their state, and some join again. Records that they have sent
    /// stay in flight.
    pub(crate) fn zombies_learn(&mut self) -> Result<(), Trouble> {
        while let Some(at) = self.fleet.iter().position(|one| !one.member) {
            let (service, number) = (self.fleet[at].service, self.fleet[at].number);
            let rejoins = self.rng.random_bool(0.5);
            self.log_step(|| {
                let then = if rejoins { "joins again" } else { "ends" };
                format!("{}-{number} learns that it has no place, and {then}", name(service))
            });
            if rejoins {
                self.fleet[at].revoke(&mut self.bench.cores);
                self.fleet[at].member = true;
                self.rebalance(service)?;
                continue;
            }
            let mut process = self.fleet.swap_remove(at);
            let mut sent = std::mem::take(&mut process.queues);
            sent.retain(|_, queue| !queue.is_empty());
            if !sent.is_empty() {
                self.orphans.push(sent);
            }
            self.put_away(process);
        }
        Ok(())
    }

    /// Adds or removes a process.
    fn scale(&mut self, service: Service) -> Result<(), Trouble> {
        let of_service = |run: &Self| {
            run.fleet.iter().filter(|one| one.service == service && one.member).count()
        };
        if of_service(self) < MOST_PROCESSES && self.rng.random_bool(0.6) {
            self.start(service)?;
            return self.rebalance(service);
        }
        self.stop(service)
    }

    /// Stops a process gracefully: it drains unless its deadline passes.
    fn stop(&mut self, service: Service) -> Result<(), Trouble> {
        let member = |one: &crate::process::Process| one.service == service && one.member;
        let Some(at) = self.fleet.iter().position(member) else { return Ok(()) };
        let number = self.fleet[at].number;
        self.log_step(|| format!("{}-{number} is asked to end", name(service)));
        self.fleet[at].drain(&mut self.bench.cores)?;
        if self.rng.random_bool(0.7) {
            self.settle(at)?;
        }
        self.kill(at);
        if !self.fleet.iter().any(member) {
            self.start(service)?;
        }
        self.rebalance(service)
    }

    /// Ends all processes of aggregate and starts others with other settings.
    fn change_settings(&mut self) -> Result<(), Trouble> {
        let service = Service::Aggregate;
        let member = |one: &crate::process::Process| one.service == service && one.member;
        while let Some(at) = self.fleet.iter().position(member) {
            if self.rng.random_bool(0.4) {
                self.fleet[at].drain(&mut self.bench.cores)?;
                self.settle(at)?;
            }
            self.kill(at);
        }
        self.variant = self.rng.random_range(0..VARIANTS.len());
        self.changed = true;
        self.start(service)?;
        self.rebalance(service)
    }

    /// Stops aggregate for so long that Kafka deletes its offsets, and starts it with other
    /// settings.
    fn forget(&mut self) -> Result<(), Trouble> {
        let service = Service::Aggregate;
        self.zombies_learn()?;
        while !self.orphans.is_empty() {
            self.land_orphans(0);
        }
        while let Some(at) = self.fleet.iter().position(|one| one.service == service) {
            for reading in 0..self.fleet[at].readings.len() {
                self.read(at, reading, usize::MAX)?;
            }
            self.fleet[at].drain(&mut self.bench.cores)?;
            self.settle(at)?;
            let process = self.fleet.swap_remove(at);
            self.put_away(process);
        }
        for source in sources(service, self.partitions()) {
            self.bench.cluster.history(service, source).clear();
        }
        self.log_step(|| "the offsets of aggregate's group are forgotten".to_owned());
        self.variant = self.rng.random_range(0..VARIANTS.len());
        self.changed = true;
        self.start(service)?;
        self.rebalance(service)
    }

    /// Sets the offsets of a stopped group back.
    fn rewind(&mut self, service: Service) -> Result<(), Trouble> {
        // The rules of a block are only known back to the last commit.
        if service == Service::Aggregate && self.changed {
            return Ok(());
        }
        while let Some(at) = self.fleet.iter().position(|one| one.service == service && one.member)
        {
            self.kill(at);
        }
        for source in sources(service, self.partitions()) {
            let topic = service.inputs()[source.input.0];
            let partition = source.partition.0 as usize;
            let log = self.bench.cluster.log(topic, partition);
            let Some(committed) = self.bench.cluster.committed(service, source) else { continue };
            let before = log.place(committed.offset.0);
            let to = if service == Service::Aggregate {
                let history = self.bench.cluster.history(service, source);
                history[self.rng.random_range(0..history.len())].clone()
            } else {
                if before == 0 {
                    continue;
                }
                let offset = log.entries[self.rng.random_range(0..before)].offset;
                service::Committed { offset: service::Offset(offset), metadata: String::new() }
            };
            let offset = to.offset;
            self.bench.cluster.history(service, source).push(to);
            self.log_step(|| {
                format!("{}: {topic:?}/{partition} is set back to {offset}", name(service))
            });
        }
        self.start(service)?;
        self.rebalance(service)
    }

    /// Moves the leader of a partition to a broker with another clock.
    fn jump(&mut self) {
        let topics = [Topic::Reports, Topic::Enriched, Topic::Cells, Topic::DeadLetters];
        let topic = topics[self.rng.random_range(0..topics.len())];
        let partition = self.rng.random_range(0..self.partitions());
        let ms = self.rng.random_range(-150_000..150_000);
        self.bench.cluster.log_mut(topic, partition).clock_ms = ms;
        self.log_step(|| format!("clock: {topic:?}/{partition} is {ms} ms ahead"));
    }

    /// Appends records to the logs that a dead process had sent.
    pub(crate) fn land_orphans(&mut self, which: usize) {
        let sent: Queues = self.orphans.swap_remove(which);
        for ((topic, partition), queue) in sent {
            for parcel in queue {
                let offset = self.append(topic, partition, parcel.key, parcel.payload);
                self.log_step(|| format!("of a dead process: {topic:?}/{partition} gets {offset}"));
            }
        }
    }

    /// Responds to one of a sink's inserts: done, refused, or with an unknown outcome, so that
    /// none, a part or all of it is inserted now or later.
    pub(crate) fn insert(&mut self, at: usize) -> Result<(), Trouble> {
        let lane = self.rng.random_range(0..4);
        let Core::Sink(_, seam) = &mut self.fleet[at].core else { return Ok(()) };
        let Some(rows) = seam.request(lane) else { return Ok(()) };
        let (part, answer) = match self.rng.random_range(0..100) {
            0..12 if self.faults.inserts => {
                let part = self.rng.random_range(0..=rows.len());
                (part, Err(UNKNOWN[self.rng.random_range(0..UNKNOWN.len())]))
            }
            12..24 if self.faults.inserts => {
                self.late.push((lane, rows.clone()));
                (0, Err(UNKNOWN[self.rng.random_range(0..UNKNOWN.len())]))
            }
            24..32 if self.faults.inserts => {
                (0, Err(REFUSED[self.rng.random_range(0..REFUSED.len())]))
            }
            _ => (rows.len(), Ok(())),
        };
        if self.faults.inserts && self.rng.random_bool(0.1) {
            self.late.push((lane, rows.clone()));
        }
        self.bench.tables.insert(lane, &rows[..part])?;
        let number = self.fleet[at].number;
        let of = rows.len();
        self.log_step(|| {
            format!("sink-{number}: table {lane} takes {part} of {of} rows, {answer:?}")
        });
        if let Core::Sink(_, seam) = &mut self.fleet[at].core {
            seam.answer(lane, answer.map_err(|text| ErrorText(text.to_owned())));
        }
        Ok(())
    }

    /// Completes all inserts of a sink. Returns true if there was any.
    pub(crate) fn insert_all(&mut self, at: usize) -> Result<bool, Trouble> {
        let mut any = false;
        for lane in 0..4 {
            let Core::Sink(_, seam) = &mut self.fleet[at].core else { return Ok(any) };
            let Some(rows) = seam.request(lane) else { continue };
            self.bench.tables.insert(lane, &rows)?;
            any = true;
            seam.answer(lane, Ok(()));
        }
        Ok(any)
    }

    /// Completes an abandoned insert.
    pub(crate) fn land_insert(&mut self) -> Result<(), Trouble> {
        if self.late.is_empty() {
            return Ok(());
        }
        let (lane, rows) = self.late.swap_remove(self.rng.random_range(0..self.late.len()));
        self.log_step(|| format!("table {lane} takes {} rows late", rows.len()));
        Ok(self.bench.tables.insert(lane, &rows)?)
    }
}
