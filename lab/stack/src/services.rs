//! Isobar's four services as processes: settings, start, restart, end and usage.

mod metrics;
mod settings;
pub mod supervisor;
mod usage;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use deploy::deadline::Deadline;
use deploy::failure::Failure;
use deploy::private;
use deploy::service::Service;

use crate::{Ended, Guard, Process, http, kept_ports};
pub use metrics::Metrics;
pub use settings::{Features, ServiceEnvironment, render};
use supervisor::Supervised;
pub use usage::Usage;

/// Timeout of the end, longer than the services' own deadline.
const STOP: Duration = Duration::from_secs(30);

/// The running services. Dropped, they drain and end.
#[derive(Debug)]
pub struct Services {
    supervised: Arc<Mutex<Vec<Supervised>>>,
    supervisor: Option<JoinHandle<()>>,
}

impl Services {
    /// Starts all four and a thread that restarts them. Does not wait until they are ready.
    ///
    /// # Errors
    /// If settings cannot be written or a process cannot be started.
    pub fn start(environment: &ServiceEnvironment, guard: &Guard) -> Result<Self, Failure> {
        let folder = environment.folder.join("services");
        private::create_folder(&folder)?;
        private::create_folder(&environment.logs)?;
        let ports = kept_ports(&folder.join("ports.json"), &Service::ALL.map(Service::name))?;
        let start = |(service, port): (Service, u16)| {
            let config = folder.join(format!("{}.toml", service.name()));
            let text = settings::render(service, environment, port);
            // Settings hold passwords.
            private::write(&config, text)?;
            Supervised::start(Launch {
                service,
                port,
                program: environment.isobar.clone(),
                config,
                log: environment.logs.join(format!("{}.log", service.name())),
                guard: guard.clone(),
                environment: Vec::new(),
                gives_up: true,
            })
        };
        let supervised: Vec<_> =
            Service::ALL.into_iter().zip(ports).map(start).collect::<Result<_, Failure>>()?;
        let supervised = Arc::new(Mutex::new(supervised));
        let supervisor = supervisor::spawn(Arc::downgrade(&supervised))?;
        Ok(Self { supervised, supervisor: Some(supervisor) })
    }

    /// Waits until all are ready.
    ///
    /// # Errors
    /// If one of them is not ready in time; the error names what it waits for.
    pub fn wait(&self, patience: Duration) -> Result<(), Failure> {
        let deadline = Deadline::after(patience);
        for (service, port) in self.ports() {
            loop {
                let answer = http::get(&format!("127.0.0.1:{port}"), "/readyz");
                let why = match answer {
                    Ok(answer) if answer.status == 200 => break,
                    Ok(answer) => answer.body,
                    Err(error) => error.to_string(),
                };
                if let Some(refusal) = self.with(service, Supervised::refusal) {
                    return Err(refusal);
                }
                if deadline.passed() {
                    let name = service.name();
                    return Err(Failure::Refused(format!("{name} is not ready: {}", why.trim())));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// Returns the refusal of a service that exited for good, if there is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Failure> {
        Service::ALL.into_iter().find_map(|service| self.with(service, Supervised::refusal))
    }

    /// Returns those that have ended by themselves since the last call.
    #[must_use]
    pub fn news(&self) -> Vec<Ended> {
        Service::ALL.into_iter().flat_map(|service| self.with(service, Supervised::news)).collect()
    }

    /// Returns the ports of health and metrics on 127.0.0.1.
    #[must_use]
    pub fn ports(&self) -> Vec<(Service, u16)> {
        self.lock().iter().map(|one| (one.launch.service, one.launch.port)).collect()
    }

    /// Returns the metrics of a service, if it answers.
    #[must_use]
    pub fn metrics(&self, service: Service) -> Option<Metrics> {
        let port = self.with(service, |one| one.launch.port);
        Metrics::of(&format!("127.0.0.1:{port}"))
    }

    /// Returns the usage of all processes of a service.
    #[must_use]
    pub fn usage(&self, service: Service) -> Usage {
        self.with(service, Supervised::usage)
    }

    /// Returns the number of restarts of a service.
    #[must_use]
    pub fn restarts(&self, service: Service) -> u32 {
        self.with(service, |one| one.restarts)
    }

    /// Sends a signal to the process of a service, if there is one.
    pub fn signal(&self, service: Service, signal: nix::sys::signal::Signal) {
        self.with(service, |one| one.process.as_ref().map(|process| process.signal(signal)));
    }

    /// Ends them in the order of the data flow, each after it has drained.
    pub fn stop(&mut self) {
        let mut services = self.lock();
        services.iter_mut().for_each(Supervised::retire);
        for one in services.iter_mut() {
            one.stop(STOP);
        }
    }

    fn with<T>(&self, service: Service, look: impl FnOnce(&mut Supervised) -> T) -> T {
        look(&mut self.lock()[service as usize])
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Supervised>> {
        self.supervised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop();
        // Dropping the supervised services ends the supervisor.
        self.supervised = Arc::default();
        self.supervisor.take().map(JoinHandle::join);
    }
}

/// Parameters to start and restart the process of a service.
#[derive(Debug)]
pub struct Launch {
    /// The service.
    pub service: Service,
    /// Port of health and metrics on 127.0.0.1.
    pub port: u16,
    /// The `isobar` program.
    pub program: PathBuf,
    /// Its settings file.
    pub config: PathBuf,
    /// File of its standard error.
    pub log: PathBuf,
    /// The guard, which ends it when `isobar` is killed.
    pub guard: Guard,
    /// Additional environment variables.
    pub environment: Vec<(String, String)>,
    /// True if it is not restarted after exit codes for which a restart does not help.
    pub gives_up: bool,
}

impl Launch {
    fn start(&self) -> Result<Process, Failure> {
        let mut command = Command::new(&self.program);
        command.arg(self.service.name()).arg("--config").arg(&self.config);
        command.envs(self.environment.iter().cloned());
        Process::start(&self.guard, command, &self.log)
    }
}
