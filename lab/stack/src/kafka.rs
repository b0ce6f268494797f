//! Apache Kafka in KRaft mode, started from its class path: every node is broker and controller, or
//! the controller is a separate process.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use deploy::deadline::Deadline;
use deploy::failure::{Context, Failure};
use deploy::private;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, TopicPartitionList};

use super::cache::{self, Cache};
use super::ended::Ended;
use super::ports::{BrokerPorts, Listener, Ports};
use super::process::{Guard, Process, Revival};
use super::tools::{Tool, first_version, on_path};

/// Settings that do not depend on the broker's ports.
const PROPERTIES: &str = include_str!("../packages/kafka/server.properties");

/// Id of the cluster, 16 bytes in base64. It need not be unique, because there are no other
/// clusters.
const CLUSTER: &str = "isobarLocalStackAAAAAA";

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);
/// Timeout of a request to the group's coordinator.
const ASK: Duration = Duration::from_secs(2);

/// Returns the folder of Kafka's jars under `KAFKA_HOME`, if that is set.
///
/// # Errors
/// If `KAFKA_HOME` holds no Kafka, or one that is too old.
pub(super) fn installed() -> Result<Option<PathBuf>, Failure> {
    let Some(home) = std::env::var_os("KAFKA_HOME") else { return Ok(None) };
    let libs = Path::new(&home).join("libs");
    let entries = fs::read_dir(&libs).context(format_args!("KAFKA_HOME: {}", libs.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let version = names
        .filter_map(|name| {
            first_version(name.strip_prefix("kafka-clients-")?.strip_suffix(".jar")?)
        })
        .next();
    match version {
        Some(version) if version >= vec![4] => Ok(Some(libs)),
        _ => Err(Failure::Refused(format!(
            "KAFKA_HOME: {} holds no Kafka 4 or newer; unset it to fetch one",
            libs.display()
        ))),
    }
}

/// The brokers of a stack.
#[derive(Debug)]
pub struct Kafka {
    /// Each of them.
    pub brokers: Vec<Broker>,
    /// The controller, if it is a process of its own.
    pub controller: Option<Broker>,
}

impl Kafka {
    /// Formats new storage and starts the nodes that `ports` name, with data and settings under
    /// `folder` and output under `logs`. Does not wait until they respond.
    ///
    /// # Errors
    /// If a broker cannot be formatted or started.
    pub fn start(
        guard: &Guard,
        cache: &Cache,
        folder: &Path,
        logs: &Path,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        let installed = installed()?;
        let archive = if installed.is_none() { archive(cache) } else { None };
        let libs = installed.unwrap_or_else(|| cache.folder(&cache::KAFKA));
        let start = |name: String, port: u16, generated: &dyn Fn(&Path) -> String| {
            let folder = folder.join(&name);
            private::create_folder(&folder)?;
            let properties = folder.join("server.properties");
            let text = format!("{PROPERTIES}\n{}", generated(&folder));
            private::write(&properties, text)?;
            let mut broker = Broker {
                address: format!("127.0.0.1:{port}"),
                libs: libs.clone(),
                archive: archive.clone(),
                properties,
                log: logs.join(format!("{name}.log")),
                process: None,
                revival: Revival::new(),
            };
            if !folder.join("data/meta.properties").exists() {
                broker.format()?;
            }
            broker.start(guard)?;
            Ok(broker)
        };
        // The controller starts first, because a broker exits if it does not find one soon.
        let controller = ports.controller.map(|port| {
            start("kafka-controller".to_owned(), port, &|folder| {
                controller(port, ports.brokers.len(), folder)
            })
        });
        let controller = controller.transpose()?;
        let brokers = ports.brokers.iter().enumerate().map(|(index, listens)| {
            start(format!("kafka-{}", index + 1), listens.clients, &|folder| {
                generated(index, ports, folder)
            })
        });
        Ok(Self { brokers: brokers.collect::<Result<_, Failure>>()?, controller })
    }

    /// Returns the bootstrap addresses of the cluster.
    #[must_use]
    pub fn addresses(&self) -> String {
        let addresses = self.brokers.iter().map(|broker| broker.address.as_str());
        addresses.collect::<Vec<_>>().join(",")
    }

    /// Waits until all brokers are part of the cluster.
    ///
    /// # Errors
    /// If a broker ends, or they take too long.
    pub fn wait(&mut self) -> Result<(), Failure> {
        let mut config = ClientConfig::new();
        // Refused connections are expected while the brokers start.
        config.set("bootstrap.servers", self.addresses()).set("log_level", "0");
        config.set("reconnect.backoff.max.ms", "200").set("group.id", "isobar-stack");
        let client: BaseConsumer = config.create().context("Kafka")?;
        let deadline = Deadline::after(START);
        loop {
            let metadata = client.fetch_metadata(None, Duration::from_millis(500));
            if metadata.is_ok_and(|metadata| metadata.brokers().len() == self.brokers.len()) {
                // The topic of committed offsets is created by the first request for it.
                let _ = client.committed_offsets(TopicPartitionList::new(), ASK);
                return Ok(());
            }
            for node in self.brokers.iter_mut().chain(&mut self.controller) {
                node.check()?;
            }
            if deadline.passed() {
                let log = self.brokers.first().map(|broker| broker.log.clone()).unwrap_or_default();
                return Err(Failure::Refused(format!(
                    "Kafka does not answer; see {}",
                    log.display()
                )));
            }
        }
    }

    /// Ends all nodes, the controller last: a controlled shutdown of a broker needs it.
    pub fn stop(&mut self) {
        for node in self.brokers.iter_mut().chain(&mut self.controller) {
            node.stop();
        }
    }
}

/// One node.
#[derive(Debug)]
pub struct Broker {
    /// Its address for clients; a controller's is for the other nodes.
    pub address: String,
    libs: PathBuf,
    archive: Option<PathBuf>,
    properties: PathBuf,
    log: PathBuf,
    process: Option<Process>,
    revival: Revival,
}

impl Broker {
    /// Starts the node, again if it ran before.
    ///
    /// # Errors
    /// If Java cannot be started.
    pub fn start(&mut self, guard: &Guard) -> Result<(), Failure> {
        let mut java = self.java();
        // With so small a heap all collectors cost the same, and this one needs no threads. The
        // optimizing compiler takes more CPU time than it saves within a minute or two.
        java.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "kafka.Kafka"]);
        java.arg(&self.properties);
        self.process = Some(Process::start(guard, java, &self.log)?);
        Ok(())
    }

    /// Starts the node again if it has ended by itself. Returns its end, if that was since the last look.
    pub(super) fn look(&mut self, guard: &Guard) -> Option<Ended> {
        let name = format!("Kafka at {}", self.address);
        let (ended, is_due) = self.revival.look(&mut self.process, &name);
        if is_due && self.start(guard).is_err() {
            self.revival.plan();
        }
        ended
    }

    /// Ends the node, and returns when it is gone.
    pub fn stop(&mut self) {
        self.revival.stop(&mut self.process, STOP);
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    fn java(&self) -> Command {
        let mut java = Command::new(Tool::Java.program());
        java.arg("-cp").arg(self.libs.join("*")).args([
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        ]);
        if let Some(archive) = self.archive.as_ref().filter(|archive| archive.exists()) {
            java.arg(flag("-XX:SharedArchiveFile=", archive));
        }
        java
    }

    fn format(&self) -> Result<(), Failure> {
        let mut java = self.java();
        // A second stack may create the same archive at the same time.
        let new = self.archive.as_ref().filter(|archive| !archive.exists());
        let new = new.map(|archive| (archive, self.properties.with_extension("jsa")));
        if let Some((_, made)) = &new {
            java.arg(flag("-XX:ArchiveClassesAtExit=", made));
        }
        java.args(["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"])
            .args(["-t", CLUSTER, "-c"])
            .arg(&self.properties)
            .stdin(Stdio::null());
        let output = java.output().context("cannot start java")?;
        if output.status.success() {
            if let Some((archive, made)) = new {
                // If this fails, starts are only slower. The folders may be on different file
                // systems.
                let beside = archive.with_extension(std::process::id().to_string());
                let _ = fs::copy(&made, &beside).and_then(|_| fs::rename(&beside, archive));
                let _ = fs::remove_file(&made);
            }
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::Refused(format!("Kafka cannot format its storage: {}", words.trim())))
    }

    /// Checks that the node has not ended by itself.
    ///
    /// # Errors
    /// If it has ended by itself.
    pub fn check(&mut self) -> Result<(), Failure> {
        match self.process.as_mut().and_then(Process::ended) {
            None => Ok(()),
            Some(status) => {
                Err(Failure::Refused(format!("Kafka ended ({status}); see {}", self.log.display())))
            }
        }
    }
}

/// Returns the path of the class data archive
/// (<https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html>) of Kafka for this Java.
/// It saves a quarter of the CPU time of a start. Java ignores an archive of another Java version, so
/// each version has its own.
fn archive(cache: &Cache) -> Option<PathBuf> {
    let java = on_path(Tool::Java.program())?;
    let installed = fs::metadata(java).and_then(|file| file.modified()).ok()?;
    let installed = installed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    Some(cache.beside(&cache::KAFKA, &format!("-java-{installed}.jsa")))
}

/// Returns an option of Java that contains a path.
fn flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(path);
    flag
}

/// Id of the controller that is a process of its own.
const CONTROLLER: usize = 1000;

/// Returns the settings that depend on a broker's position in the cluster.
fn generated(index: usize, ports: &Ports, folder: &Path) -> String {
    let BrokerPorts { clients, controller, listeners, quorum } = &ports.brokers[index];
    let node = index + 1;
    let copies = ports.brokers.len().min(3);
    let of_each = |line: &dyn Fn(&Listener) -> String| {
        listeners.iter().map(|listener| format!(",{}", line(listener))).collect::<String>()
    };
    let among_brokers = match listeners.iter().any(|one| one.name == Listener::BROKERS) {
        true => Listener::BROKERS,
        false => "CLIENTS",
    };
    let (role, quorum, listens) = match ports.controller {
        Some(apart) => {
            let way = quorum.unwrap_or(apart);
            ("broker", format!("{CONTROLLER}@127.0.0.1:{way}"), String::new())
        }
        None => (
            "broker,controller",
            voters(node, &ports.brokers),
            format!(",CONTROLLER://127.0.0.1:{controller}"),
        ),
    };
    format!(
        "node.id={node}\n\
         process.roles={role}\n\
         controller.quorum.voters={quorum}\n\
         listeners=CLIENTS://127.0.0.1:{clients}{listens}{}\n\
         advertised.listeners=CLIENTS://127.0.0.1:{clients}{}\n\
         listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT{}\n\
         inter.broker.listener.name={among_brokers}\n\
         offsets.topic.replication.factor={copies}\n\
         transaction.state.log.replication.factor={copies}\n\
         share.coordinator.state.topic.replication.factor={copies}\n{}",
        of_each(&|one| format!("{}://127.0.0.1:{}", one.name, one.port)),
        of_each(&|one| format!("{}://127.0.0.1:{}", one.name, one.advertised)),
        of_each(&|one| format!("{}:PLAINTEXT", one.name)),
        of_all(copies, folder),
    )
}

/// Returns the settings of a separate controller on `port` for this number of `brokers`.
fn controller(port: u16, brokers: usize, folder: &Path) -> String {
    format!(
        "node.id={CONTROLLER}\n\
         process.roles=controller\n\
         controller.quorum.voters={CONTROLLER}@127.0.0.1:{port}\n\
         listeners=CONTROLLER://127.0.0.1:{port}\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT\n{}",
        of_all(brokers.min(3), folder),
    )
}

/// Returns the common settings of brokers and controllers, for topics with this number of `copies`.
fn of_all(copies: usize, folder: &Path) -> String {
    let data = folder.join("data");
    format!(
        "log.dirs={}\nmin.insync.replicas={}\nbroker.session.timeout.ms={}\n",
        data.display(),
        // The same for internal topics of Kafka.
        copies.div_ceil(2),
        // A killed broker may register again only when its old session has timed out. With several
        // brokers on a busy machine, heartbeats are sometimes late.
        if copies == 1 { 3000 } else { 8000 },
    )
}

/// Returns the addresses at which node `node` reaches the controllers of all nodes.
fn voters(node: usize, brokers: &[BrokerPorts]) -> String {
    let voter = |(other, ports): (usize, &BrokerPorts)| {
        let way = ports.quorum.filter(|_| other != node).unwrap_or(ports.controller);
        format!("{other}@127.0.0.1:{way}")
    };
    let voters: Vec<_> = (1..).zip(brokers).map(voter).collect();
    voters.join(",")
}
