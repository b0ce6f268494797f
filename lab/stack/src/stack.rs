//! A real Kafka and a real ClickHouse on loopback, as child processes.

use std::path::{Path, PathBuf};

use deploy::access::{self, Access};
use deploy::connect::Cluster;
use deploy::failure::Failure;
use deploy::names::Names;
use deploy::private;

use crate::cache::{self, Cache, GeoFiles};
use crate::clickhouse::{self, ClickHouse};
use crate::ended::Ended;
use crate::kafka::{self, Kafka};
use crate::ports::Ports;
use crate::process::{Guard, Process};
use crate::tools::{self, Tool};
use crate::trial::Trial;

/// Description of a stack to be started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `isobar` program, which also runs the guard and ClickHouse.
    pub isobar: PathBuf,
    /// Folder for data, settings and logs.
    pub folder: PathBuf,
    /// Ports, with one broker for each listed entry.
    pub ports: Ports,
    /// The user's own Kafka, to be used instead.
    pub kafka: Option<Cluster>,
    /// The user's own ClickHouse, to be used instead.
    pub clickhouse: Option<Access>,
}

/// The running stack. Dropped, it ends its processes.
#[derive(Debug)]
pub struct Stack {
    plan: Plan,
    cache: Cache,
    guard: Guard,
    names: Names,
    clickhouse: Option<ClickHouse>,
    kafka: Option<Kafka>,
    /// Secret that signs replayed records, if the user's Kafka has none.
    replay_key: String,
    trial: Option<Trial>,
}

impl Stack {
    /// Fetches missing packages, starts Kafka and ClickHouse, and waits until both answer.
    ///
    /// # Errors
    /// If a tool is missing on the machine, or one of them does not start.
    pub fn start(plan: Plan) -> Result<Self, Failure> {
        let cache = Cache::of_user()?;
        fetch(&plan, &cache)?;
        let guard = Guard::start(&plan.isobar)?;
        let names = plan.kafka.as_ref().map(|kafka| kafka.names.clone()).unwrap_or_default();
        let replay_key = String::new();
        let mut stack = Self {
            plan,
            cache,
            guard,
            names,
            clickhouse: None,
            kafka: None,
            replay_key,
            trial: None,
        };
        let logs = stack.logs();
        private::create_folder(stack.folder())?;
        private::create_folder(&logs)?;
        stack.replay_key = access::replay_key(stack.folder())?;
        stack.start_servers(&logs)?;
        Ok(stack)
    }

    /// Starts both in parallel, because each mostly waits.
    fn start_servers(&mut self, logs: &Path) -> Result<(), Failure> {
        let Plan { isobar, folder, ports, kafka, clickhouse } = &self.plan;
        if clickhouse.is_none() {
            let folder = folder.join("clickhouse");
            let server = ClickHouse::start(&self.guard, &self.cache, isobar, &folder, logs, ports)?;
            self.clickhouse = Some(server);
        }
        if kafka.is_none() {
            let server = Kafka::start(&self.guard, &self.cache, folder, logs, ports)?;
            self.kafka = Some(server);
        }
        self.clickhouse.as_mut().map_or(Ok(()), ClickHouse::wait)?;
        self.kafka.as_mut().map_or(Ok(()), Kafka::wait)
    }

    /// Returns the bootstrap addresses of Kafka: `host:port,…`.
    #[must_use]
    pub fn brokers(&self) -> String {
        self.cluster().brokers
    }

    /// Returns the Kafka cluster in use.
    #[must_use]
    pub fn cluster(&self) -> Cluster {
        let own = self.kafka.as_ref().map(|kafka| Cluster::at(&kafka.addresses()));
        let cluster = own.or_else(|| self.plan.kafka.clone()).unwrap_or_default();
        let cluster = cluster.with_replay_key(&self.replay_key);
        Cluster { names: self.names.clone(), ..cluster }
    }

    /// Returns the access to ClickHouse.
    #[must_use]
    pub fn access(&self) -> Access {
        let own = self.clickhouse.as_ref().map(|server| server.access.clone());
        own.or_else(|| self.plan.clickhouse.clone()).unwrap_or_default()
    }

    /// Returns the user's own Kafka, if that is used.
    #[must_use]
    pub const fn their_kafka(&self) -> Option<&Cluster> {
        self.plan.kafka.as_ref()
    }

    /// Checks the stack's own servers, and restarts those that have ended by themselves. Returns the ends since
    /// the last check.
    pub fn look(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        if let Some(clickhouse) = &mut self.clickhouse {
            ended.extend(clickhouse.look(&self.guard));
        }
        if let Some(kafka) = &mut self.kafka {
            let nodes = kafka.brokers.iter_mut().chain(&mut kafka.controller);
            ended.extend(nodes.filter_map(|node| node.look(&self.guard)));
        }
        ended
    }

    /// Returns true if the user's own ClickHouse is used.
    #[must_use]
    pub const fn clickhouse_is_theirs(&self) -> bool {
        self.plan.clickhouse.is_some()
    }

    /// Makes the stack one that takes histories, if ClickHouse is its own: the tables of somebody else's are
    /// not changed.
    pub fn take_histories(&mut self, trial: Trial) {
        self.trial = Some(trial).filter(|_| !self.clickhouse_is_theirs());
    }

    /// Settings with which the stack takes histories, if it does.
    #[must_use]
    pub const fn trial(&self) -> Option<Trial> {
        self.trial
    }

    /// Sets the names of topics and groups.
    pub fn call(&mut self, names: Names) {
        self.names = names;
    }

    /// Returns the stack's own Kafka.
    pub fn kafka(&mut self) -> Option<&mut Kafka> {
        self.kafka.as_mut()
    }

    /// Returns the stack's own ClickHouse.
    pub fn clickhouse(&mut self) -> Option<&mut ClickHouse> {
        self.clickhouse.as_mut()
    }

    /// Returns the ids of the running processes of the stack's own Kafka.
    pub fn processes_of_kafka(&self) -> impl Iterator<Item = u32> {
        let nodes =
            self.kafka.iter().flat_map(|kafka| kafka.brokers.iter().chain(&kafka.controller));
        nodes.filter_map(|node| node.process().map(Process::id))
    }

    /// Returns the process id of the stack's own ClickHouse, if it runs.
    #[must_use]
    pub fn process_of_clickhouse(&self) -> Option<u32> {
        self.clickhouse.as_ref()?.process().map(Process::id)
    }

    /// Returns the guard that ends all children when `isobar` is killed.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Returns the program that services are started from.
    #[must_use]
    pub fn isobar(&self) -> &Path {
        &self.plan.isobar
    }

    /// Returns the folder of data, settings and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.plan.folder
    }

    /// Returns the folder of the processes' standard output and error.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.plan.folder.join("logs")
    }

    /// Returns the fetched geo and network data.
    #[must_use]
    pub fn geo_files(&self) -> GeoFiles {
        self.cache.geo_files()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(clickhouse) = &mut self.clickhouse {
            clickhouse.stop();
        }
        if let Some(kafka) = &mut self.kafka {
            kafka.stop();
        }
    }
}

fn fetch(plan: &Plan, cache: &Cache) -> Result<(), Failure> {
    let mut packages = vec![&cache::GEO];
    if plan.clickhouse.is_none() && clickhouse::installed().is_none() {
        packages.push(&cache::CLICKHOUSE);
    }
    if plan.kafka.is_none() && kafka::installed()?.is_none() {
        packages.push(&cache::KAFKA);
    }
    // All missing tools are named at once.
    let mut tools = cache.tools(&packages);
    tools.extend(plan.kafka.is_none().then_some(Tool::Java));
    tools::require(&tools)?;
    cache.fetch(&packages)
}
