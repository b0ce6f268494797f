//! The cluster under test: three brokers, ClickHouse, two instances of each service, and proxies
//! between all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy::access::Access;
use deploy::deadline::Deadline;
use deploy::failure::{Context, Failure};
use deploy::names::Names;
use deploy::service::Service;
use deploy::topics;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use service::TopicNames;
use stack::cache::GeoFiles;
use stack::pipeline::prepare_as;
use stack::services::ServiceEnvironment;
use stack::{Plan, Ports, Progress, Sender, Stack};
use tokio::runtime::Runtime;

use super::fleet::{Fleet, Instance, USUAL};
use super::kafka::{Commit, Kafka};
use super::links::{Links, Party};
use super::poison::Poisoner;
use super::stop::Stop;

const BROKERS: usize = 3;
const MIN_INSYNC: i32 = 2;

/// Timeout of the first start of all processes, on a slow machine.
const READY: Duration = Duration::from_secs(240);
const PATIENCE: Duration = Duration::from_secs(20);

/// The cluster. Dropped, it ends the services first and the servers last.
pub(super) struct Cluster {
    pub(super) fleet: Fleet,
    pub(super) poisoner: Poisoner,
    pub(super) kafka: Kafka,
    pub(super) partitions: i32,
    pub(super) topics: TopicNames,
    /// Geo and network data that the services use, and that faults may damage.
    pub(super) geo: GeoFiles,
    /// Commits of aggregate so far, by partition.
    pub(super) blocks: BTreeMap<i32, Vec<Commit>>,
    /// Further worlds beside the usual one, and how many sessions each has.
    pub(super) guests: Vec<Sender>,
    pub(super) crowd: u32,
    /// Process of the usual world.
    pub(super) world: Option<u32>,
    pub(super) stack: Stack,
    /// Dropped after the other processes, which need the links to drain.
    pub(super) links: Links,
    runtime: Runtime,
}

impl Drop for Cluster {
    /// Brokers end one after the other and miss each other; what they have is thrown away.
    fn drop(&mut self) {
        Instance::all().for_each(|instance| self.fleet.retire(instance));
        self.fleet.stop();
        self.signal_all(Signal::SIGCONT);
        for process in self.stack.processes_of_kafka().collect::<Vec<_>>() {
            signal(process, Signal::SIGKILL);
        }
    }
}

impl Cluster {
    /// Starts everything under `folder` and waits until it works; the controller is a process of its
    /// own if `apart`.
    pub(super) fn start(
        folder: &Path,
        crowd: u32,
        apart: bool,
        runtime: Runtime,
        stop: &Stop,
        progress: Progress<'_>,
    ) -> Result<Self, Failure> {
        let begin = |step: &str| {
            progress(&format!("{step} …"));
            stop.check()
        };
        let mut ports = Ports::free(BROKERS)?;
        let links = Links::open(&mut ports, apart)?;
        begin("starting three brokers and ClickHouse")?;
        let stack = Stack::start(Plan {
            isobar: std::env::current_exe().context("isobar's own program")?,
            folder: folder.to_owned(),
            ports,
            kafka: None,
            clickhouse: None,
        })?;
        let options = topics::Options {
            replication: i32::try_from(BROKERS).unwrap_or(1),
            min_insync: MIN_INSYNC,
            ..topics::Options::default()
        };
        begin("creating topics and tables")?;
        runtime.block_on(prepare_as(&stack, &options, &|_| ()))?;
        let kafka = Kafka::of(&stack.brokers(), options.partitions)?;
        let geo = copied(&stack.geo_files(), &folder.join("geo"))?;
        begin("starting two instances of each service")?;
        let environment = |service| ServiceEnvironment {
            kafka: links.kafka(Party::Service(service)),
            clickhouse: Access { url: links.clickhouse(), ..stack.access() },
            geo: geo.clone(),
            ..ServiceEnvironment::of(&stack)
        };
        let fleet = Fleet::new(environment, stack.guard())?;
        let topics = TopicNames::default();
        let poisoner = Poisoner::new(&links.kafka(Party::World).brokers, &topics.raw, folder)?;
        let cluster = Self {
            fleet,
            poisoner,
            kafka,
            partitions: options.partitions,
            topics,
            geo,
            blocks: BTreeMap::new(),
            guests: Vec::new(),
            crowd,
            world: None,
            stack,
            links,
            runtime,
        };
        cluster.fleet.as_usual();
        cluster.wait(stop)?;
        Ok(cluster)
    }

    /// Waits until all running instances are ready.
    fn wait(&self, stop: &Stop) -> Result<(), Failure> {
        let deadline = Deadline::after(READY);
        for instance in Instance::all().filter(|one| one.number < USUAL) {
            while !self.fleet.is_ready(instance) {
                stop.check()?;
                if deadline.passed() {
                    let logs = self.stack.logs();
                    let name = instance.name();
                    return Err(Failure::Refused(format!(
                        "{name} is not ready; see {}",
                        logs.display()
                    )));
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        Ok(())
    }

    /// Sends a signal to every process: services, Kafka, ClickHouse and those who send records.
    pub(super) fn signal_all(&self, sent: Signal) {
        Instance::all().for_each(|instance| self.fleet.signal(instance, sent));
        let guests = self.guests.iter().map(Sender::process);
        let servers = self.stack.processes_of_kafka().chain(self.stack.process_of_clickhouse());
        servers.chain(self.world).chain(guests).for_each(|process| signal(process, sent));
    }

    /// Does asynchronous work, and waits for it.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Returns the runtime for threads of the run.
    pub(super) fn handle(&self) -> tokio::runtime::Handle {
        self.runtime.handle().clone()
    }

    /// Runs a statement that changes a table, directly.
    pub(super) fn alter(&self, statement: &str) -> Result<(), Failure> {
        let client = self.stack.access().client("migrate");
        let query = client.query(statement);
        self.block_on(async {
            match tokio::time::timeout(PATIENCE, query.execute()).await {
                Ok(done) => done.context("ClickHouse"),
                Err(_) => Err(Failure::Refused("ClickHouse does not answer".to_owned())),
            }
        })
    }

    /// Sets how many copies of the topic of dead letters must be there for it to take one.
    pub(super) fn dead_letters_need(&self, copies: i32) -> Result<(), Failure> {
        let topic = &self.topics.dead_letters;
        let names = Names { topics: self.topics.clone(), ..Names::default() };
        let settings = topics::design(&names, copies).remove(topic).unwrap_or_default();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.stack.brokers()).set("log_level", "0");
        let admin: AdminClient<DefaultClientContext> = config.create().context("Kafka")?;
        let alter = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let alter = settings.iter().fold(alter, |alter, (key, value)| alter.set(key, value));
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let altered = self.block_on(admin.alter_configs([&alter], &options)).context(topic)?;
        let failed = altered.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |(_, code)| Err(code).context(topic))
    }

    /// Restores the usual number of replicas.
    pub(super) fn dead_letters_as_usual(&self) -> Result<(), Failure> {
        self.dead_letters_need(MIN_INSYNC)
    }

    /// Topics that a service reads.
    pub(super) fn inputs(&self, service: Service) -> Vec<&str> {
        let names = &self.topics;
        match service {
            Service::Ingest => vec![&names.raw],
            Service::Enrich => vec![&names.reports],
            Service::Aggregate => vec![&names.enriched],
            Service::Sink => {
                vec![&names.cells, &names.sessions, &names.hours, &names.blocks, &names.enriched]
            }
        }
    }
}

/// Sends a signal to a process and all that it has started, if it is still there.
fn signal(process: u32, signal: Signal) {
    let _ = killpg(Pid::from_raw(process.cast_signed()), signal);
}

/// The group of a service.
pub(super) fn group(service: Service) -> String {
    format!("isobar-{}", service.name())
}

/// Copies of `files` in `folder`.
fn copied(files: &GeoFiles, folder: &Path) -> Result<GeoFiles, Failure> {
    fs::create_dir_all(folder).context(folder.display())?;
    let copy = |from: &PathBuf| {
        let to = folder.join(from.file_name().unwrap_or_default());
        fs::copy(from, &to).context(from.display())?;
        Ok(to)
    };
    let all = |files: &[PathBuf]| files.iter().map(copy).collect::<Result<Vec<_>, Failure>>();
    Ok(GeoFiles { city: all(&files.city)?, asn: all(&files.asn)? })
}
