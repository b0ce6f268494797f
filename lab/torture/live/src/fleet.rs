//! Instances of the services: start, stop and exit codes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use deploy::failure::Failure;
use deploy::private;
use deploy::service::Service;
use nix::sys::signal::Signal;
use service::failpoints;
use stack::services::supervisor::{self, Supervised};
use stack::services::{Launch, ServiceEnvironment, render};
use stack::{Guard, free_ports, http};

/// Maximum number of instances of a service.
pub(super) const MOST: usize = 3;
/// Usual number of instances of a service.
pub(super) const USUAL: usize = 2;

/// `limits.stall_s` of the services; shorter than the default, so that a run covers it.
pub(super) const STALL: Duration = Duration::from_secs(20);

/// Timeout of the end, longer than the services' own deadline.
const STOP: Duration = Duration::from_secs(30);

/// One of the instances of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) service: Service,
    /// From 0.
    pub(super) number: usize,
}

impl Instance {
    fn at(self) -> usize {
        self.service as usize * MOST + self.number
    }

    /// Returns all possible instances.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let of = |service| (0..MOST).map(move |number| Self { service, number });
        Service::ALL.into_iter().flat_map(of)
    }

    /// Returns all possible instances of `service`.
    pub(super) fn of(service: Service) -> impl Iterator<Item = Self> {
        (0..MOST).map(move |number| Self { service, number })
    }

    /// Returns its name: `ingest-1`.
    pub(super) fn name(self) -> String {
        format!("{}-{}", self.service.name(), self.number + 1)
    }
}

/// All instances. Dropped, it ends them.
#[derive(Debug)]
pub(super) struct Fleet {
    supervised: Arc<Mutex<Vec<Supervised>>>,
    supervisor: Option<JoinHandle<()>>,
}

impl Fleet {
    /// Writes settings for every instance, and starts none.
    pub(super) fn new(
        environment: impl Fn(Service) -> ServiceEnvironment,
        guard: &Guard,
    ) -> Result<Self, Failure> {
        let mut ports = free_ports(Service::ALL.len() * MOST)?.into_iter();
        let mut supervised = Vec::new();
        for instance in Instance::all() {
            let around = environment(instance.service);
            let folder = around.folder.join("services");
            private::create_folder(&folder)?;
            let name = instance.name();
            let config = folder.join(format!("{name}.toml"));
            let port = ports.next().unwrap_or_default();
            let text = render(instance.service, &around, port);
            private::write(&config, text)?;
            supervised.push(Supervised::idle(Launch {
                service: instance.service,
                port,
                program: around.isobar.clone(),
                config,
                log: around.logs.join(format!("{name}.log")),
                guard: guard.clone(),
                environment: own(&name),
                gives_up: false,
            }));
        }
        let supervised = Arc::new(Mutex::new(supervised));
        let supervisor = supervisor::spawn(Arc::downgrade(&supervised))?;
        Ok(Self { supervised, supervisor: Some(supervisor) })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Supervised>> {
        self.supervised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, instance: Instance, look: impl FnOnce(&mut Supervised) -> T) -> T {
        look(&mut self.lock()[instance.at()])
    }

    /// Starts an instance, and restarts it from now on.
    pub(super) fn run(&self, instance: Instance) {
        self.with(instance, Supervised::resume);
    }

    /// Makes an instance drain and end, without waiting.
    pub(super) fn retire(&self, instance: Instance) {
        self.with(instance, |one| {
            one.retire();
            one.terminate();
        });
    }

    /// Returns true while an instance has a process.
    pub(super) fn is_there(&self, instance: Instance) -> bool {
        self.with(instance, |one| !one.is_gone())
    }

    /// Sends a signal to an instance's process, if there is one.
    pub(super) fn signal(&self, instance: Instance, signal: Signal) {
        self.with(instance, |one| one.process.as_ref().map(|process| process.signal(signal)));
    }

    /// Makes an instance abort, from its next start on, when it passes `edge` for the `times`th
    /// time.
    pub(super) fn abort_at(&self, instance: Instance, edge: Option<(&str, u64)>) {
        let mut environment = own(&instance.name());
        environment.extend(
            edge.map(|(edge, times)| (failpoints::VARIABLE.to_owned(), format!("{edge}:{times}"))),
        );
        self.with(instance, |one| one.launch.environment = environment);
    }

    /// Starts the usual instances, and ends all others.
    pub(super) fn as_usual(&self) {
        for instance in Instance::all() {
            match instance.number < USUAL {
                true => self.run(instance),
                false => self.retire(instance),
            }
        }
    }

    /// Returns true if an instance is ready.
    pub(super) fn is_ready(&self, instance: Instance) -> bool {
        let port = self.with(instance, |one| one.launch.port);
        let answer = http::get(&format!("127.0.0.1:{port}"), "/readyz");
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Ends all of them, each after its drain.
    pub(super) fn stop(&self) {
        let mut supervised = self.lock();
        for one in supervised.iter_mut() {
            one.retire();
            // A stopped process receives SIGTERM only after SIGCONT.
            one.process.iter().for_each(|process| process.signal(Signal::SIGCONT));
            one.terminate();
        }
        supervised.iter_mut().for_each(|one| one.stop(STOP));
    }

    /// Returns the number of unexpected ends by instance and exit code; -1 if it was killed or
    /// aborted.
    pub(super) fn exits(&self) -> BTreeMap<String, BTreeMap<i32, u32>> {
        let exits = Instance::all().map(|one| (one.name(), self.with(one, |it| it.exits.clone())));
        exits.filter(|(_, exits)| !exits.is_empty()).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop();
        self.supervised = Arc::default();
        self.supervisor.take().map(JoinHandle::join);
    }
}

/// Returns the environment variables of an instance.
fn own(name: &str) -> Vec<(String, String)> {
    vec![
        ("ISOBAR_KAFKA__OPTIONS__CLIENT.ID".to_owned(), name.to_owned()),
        ("ISOBAR_LIMITS__STALL_S".to_owned(), STALL.as_secs().to_string()),
    ]
}
