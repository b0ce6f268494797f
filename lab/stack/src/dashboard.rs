//! The dashboard as a process: settings, start, restart.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use deploy::deadline::Deadline;
use deploy::failure::Failure;
use deploy::private;
use serde_json::json;

use crate::process::Revival;
use crate::services::Services;
use crate::{Ended, Guard, Process, Stack, http, kept_ports};

const NAME: &str = "dashboard";

/// The running dashboard. Dropped, it ends.
#[derive(Debug)]
pub struct Dashboard {
    process: Option<Process>,
    revival: Revival,
    guard: Guard,
    isobar: PathBuf,
    config: PathBuf,
    log: PathBuf,
    port: u16,
}

impl Dashboard {
    /// Starts it on a stack, with the addresses of the `services` that it shows the backlog of. Does not wait
    /// until it is ready.
    ///
    /// # Errors
    /// If its settings cannot be written or the process cannot be started.
    pub fn start(stack: &Stack, services: &Services) -> Result<Self, Failure> {
        Self::start_with(stack, services, "")
    }

    /// As [`Dashboard::start`], with further lines of the section `[dashboard]` of its settings (TOML).
    ///
    /// # Errors
    /// As [`Dashboard::start`].
    pub fn start_with(stack: &Stack, services: &Services, more: &str) -> Result<Self, Failure> {
        let folder = stack.folder().join("services");
        private::create_folder(&folder)?;
        private::create_folder(&stack.logs())?;
        let ports = kept_ports(&folder.join("ports.json"), &[NAME])?;
        let port = ports[0];
        let config = folder.join("dashboard.toml");
        // Settings hold a password.
        private::write(&config, settings(stack, services, port, more))?;
        let mut dashboard = Self {
            process: None,
            revival: Revival::new(),
            guard: stack.guard().clone(),
            isobar: stack.isobar().to_owned(),
            config,
            log: stack.logs().join("dashboard.log"),
            port,
        };
        dashboard.process = Some(dashboard.launch()?);
        Ok(dashboard)
    }

    fn launch(&self) -> Result<Process, Failure> {
        let mut command = Command::new(&self.isobar);
        command.arg(NAME).arg("--config").arg(&self.config);
        Process::start(&self.guard, command, &self.log)
    }

    /// Returns the address of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// If it is not ready in time; the error names what it waits for.
    pub fn wait(&mut self, patience: Duration) -> Result<(), Failure> {
        let deadline = Deadline::after(patience);
        loop {
            let why = match http::get(&format!("127.0.0.1:{}", self.port), "/readyz") {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => answer.body,
                Err(error) => error.to_string(),
            };
            if deadline.passed() {
                let (why, log) = (why.trim(), self.log.display());
                return Err(Failure::Refused(format!("{NAME} is not ready: {why}; see {log}")));
            }
            let _ = self.look();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Checks the process, and starts it again if it has ended by itself. Returns its end, if that was since
    /// the last look.
    pub fn look(&mut self) -> Option<Ended> {
        let (ended, is_due) = self.revival.look(&mut self.process, NAME);
        if is_due {
            self.process = self.launch().ok();
            if self.process.is_none() {
                self.revival.plan();
            }
        }
        ended
    }
}

/// Returns the settings file (TOML).
fn settings(stack: &Stack, services: &Services, port: u16, more: &str) -> String {
    let access = stack.access();
    // A string of JSON is one of TOML.
    let address = |(service, port): (deploy::service::Service, u16)| {
        format!("{} = {}\n", service.name(), json!(format!("127.0.0.1:{port}")))
    };
    format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n\n[dashboard]\nurl = {}\npassword = {}\n{more}\n\
         [dashboard.services]\n{}",
        json!(access.url),
        json!(access.passwords.of("dashboard")),
        services.ports().into_iter().map(address).collect::<String>(),
    )
}
