//! ClickHouse: a server program, or the engine as a library in a separate process that listens.

use std::ffi::{CString, OsString, c_char, c_int, c_void};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use deploy::access::{Access, Passwords};
use deploy::deadline::Deadline;
use deploy::failure::{Context, Failure};
use deploy::private;

use super::cache::{self, Cache};
use super::ended::Ended;
use super::first_login::FirstLogin;
use super::ports::Ports;
use super::process::{Guard, Process, Revival};
use super::tools::{first_version, on_path};
use crate::{http, passwords};

const CONFIG: &str = include_str!("../../../deploy/clickhouse/config.xml");
const USERS: &str = include_str!("../../../deploy/clickhouse/users.xml");

/// Statements at the start: they open the HTTP port and then wait. The port of the native protocol stays
/// closed: it is not needed, and `clickhouse local` aborts when it refuses a login there.
const STATEMENTS: &str = "SYSTEM START LISTEN HTTP; \
    SELECT sleepEachRow(3) FROM system.numbers FORMAT Null SETTINGS max_block_size = 1";

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);

/// Returns an installed server that is new enough, if there is one.
#[must_use]
pub(super) fn installed() -> Option<PathBuf> {
    let program = on_path("clickhouse")?;
    let output = Command::new(&program).args(["local", "--version"]).output().ok()?;
    let version = first_version(&String::from_utf8_lossy(&output.stdout))?;
    (version >= vec![26]).then_some(program)
}

/// The program or library of a server, and the command that starts it: `isobar clickhouse-server`.
#[derive(Debug)]
struct Launcher {
    isobar: PathBuf,
    engine: PathBuf,
}

impl Launcher {
    fn find(cache: &Cache, isobar: &Path) -> Result<Self, Failure> {
        let engine = match installed() {
            Some(program) => program,
            None => library(&cache.folder(&cache::CLICKHOUSE))?,
        };
        Ok(Self { isobar: isobar.to_owned(), engine })
    }
}

/// The ClickHouse server of a stack.
#[derive(Debug)]
pub struct ClickHouse {
    /// Access to the server.
    pub access: Access,
    first_login: FirstLogin,
    launcher: Launcher,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    process: Option<Process>,
    revival: Revival,
}

impl ClickHouse {
    /// Starts the server on `ports`, with data and settings under `folder` and output under `logs`.
    /// Does not wait until it responds.
    ///
    /// # Errors
    /// If it is missing or cannot be started.
    pub fn start(
        guard: &Guard,
        cache: &Cache,
        isobar: &Path,
        folder: &Path,
        logs: &Path,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        private::create_folder(folder)?;
        private::write(&folder.join("config.xml"), CONFIG)?;
        private::write(&folder.join("users.xml"), USERS)?;
        let access = Access {
            url: format!("http://127.0.0.1:{}", ports.clickhouse_http),
            passwords: passwords::kept_in(&folder.join("passwords.json"))?,
        };
        let mut server = Self {
            access,
            first_login: FirstLogin::listen()?,
            launcher: Launcher::find(cache, isobar)?,
            folder: folder.to_owned(),
            log: logs.join("clickhouse.log"),
            port: ports.clickhouse_http,
            process: None,
            revival: Revival::new(),
        };
        server.resume(guard)?;
        Ok(server)
    }

    /// Starts the server again after [`ClickHouse::stop`] or its death.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn resume(&mut self, guard: &Guard) -> Result<(), Failure> {
        let Launcher { isobar, engine } = &self.launcher;
        let mut command = Command::new(isobar);
        command.args(["clickhouse-server", &self.first_login.port().to_string()]).arg(engine);
        command.args(arguments(&self.folder, self.port));
        // The function file() reads any path relative to the working folder, and fails if that
        // folder is deleted. `clickhouse local` has no other way to restrict it.
        let gone = self.folder.join("gone");
        private::create_folder(&gone)?;
        command.current_dir(&gone);
        let user_files = self.folder.join("user_files");
        private::create_folder(&user_files)?;
        command.env("ISOBAR_CLICKHOUSE_USER_FILES", user_files);
        command.env("ISOBAR_CLICKHOUSE_FIRST_LOGIN", self.first_login.expect(&gone)?);
        command.env("ISOBAR_CLICKHOUSE_USERS", self.folder.join("users.xml"));
        for user in Passwords::USERS {
            let variable = format!("ISOBAR_CLICKHOUSE_{}_PASSWORD", user.to_uppercase());
            command.env(variable, self.access.passwords.of(user));
        }
        self.process = Some(Process::start(guard, command, &self.log)?);
        Ok(())
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// If it ends or takes too long.
    pub fn wait(&mut self) -> Result<(), Failure> {
        let deadline = Deadline::after(START);
        while !self.answers()? {
            if deadline.passed() {
                let log = self.log.display();
                return Err(Failure::Refused(format!("ClickHouse does not answer; see {log}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Returns true if it answers now.
    ///
    /// # Errors
    /// If it has ended.
    pub fn answers(&mut self) -> Result<bool, Failure> {
        let answer = http::get(&format!("127.0.0.1:{}", self.port), "/ping");
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(true);
        }
        match self.process.as_mut().and_then(Process::ended) {
            None => Ok(false),
            Some(status) => {
                let log = self.log.display();
                Err(Failure::Refused(format!("ClickHouse ended ({status}); see {log}")))
            }
        }
    }

    /// Starts the server again if it has ended by itself. Returns its end, if that was since the last look.
    pub(super) fn look(&mut self, guard: &Guard) -> Option<Ended> {
        let (ended, is_due) = self.revival.look(&mut self.process, "ClickHouse");
        if is_due && self.resume(guard).is_err() {
            self.revival.plan();
        }
        ended
    }

    /// Ends the server, and returns when it is gone.
    pub fn stop(&mut self) {
        self.revival.stop(&mut self.process, STOP);
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }
}

fn arguments(folder: &Path, port: u16) -> Vec<OsString> {
    let fixed = |text: &str| OsString::from(text);
    vec![
        fixed("--path"),
        folder.join("data").into_os_string(),
        fixed("--config-file"),
        folder.join("config.xml").into_os_string(),
        fixed("--http_port"),
        port.to_string().into(),
        fixed("--listen_host"),
        fixed("127.0.0.1"),
        // Without it the level in the settings has no effect.
        fixed("--log-level"),
        fixed("warning"),
        fixed("--query"),
        fixed(STATEMENTS),
    ]
}

/// Returns the library in a fetched package. Its name depends on the machine.
fn library(package: &Path) -> Result<PathBuf, Failure> {
    let scope = package.join("node_modules/@chdb");
    let folders = fs::read_dir(&scope).context(scope.display())?;
    let mut files = folders.flatten().map(|folder| folder.path().join("libchdb.so"));
    files.find(|file| file.exists()).ok_or_else(|| {
        Failure::Refused(format!(
            "there is no ClickHouse package for this machine ({} {}); install ClickHouse 26 or \
             newer, or point at a server with --clickhouse",
            std::env::consts::OS,
            std::env::consts::ARCH
        ))
    })
}

/// Runs the server `engine`, a library or a program, in this process, with TCP connections
/// restricted to `port`: `isobar clickhouse-server PORT ENGINE ARGUMENTS…`.
///
/// # Errors
/// If the engine cannot be loaded or executed; otherwise it returns when the server has ended.
pub fn serve(port: u16, engine: &Path, arguments: Vec<OsString>) -> Result<(), Failure> {
    confine(port).context("Landlock")?;
    if engine.extension().is_none_or(|extension| extension != "so") {
        let failed = Command::new(engine).arg("local").args(arguments).exec();
        return Err(failed).context(engine.display());
    }
    let name = OsString::from("clickhouse");
    let arguments: Vec<CString> = std::iter::once(name)
        .chain(arguments)
        .map(|argument| CString::new(argument.into_vec()))
        .collect::<Result<_, _>>()
        .context("an argument")?;
    let mut pointers: Vec<*mut c_char> =
        arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    let count = c_int::try_from(pointers.len()).context("too many arguments")?;
    pointers.push(std::ptr::null_mut());
    run(engine, count, pointers.as_mut_ptr()).context(engine.display())
}

/// Restricts the outgoing TCP connections of this process and its children to `port`, if the kernel
/// supports it (Linux 6.7 and newer with Landlock). Some statements of ClickHouse, such as `RESTORE
/// … FROM S3(…)`, connect before they check rights.
#[cfg(target_os = "linux")]
fn confine(port: u16) -> Result<(), landlock::RulesetError> {
    use landlock::{AccessNet, NetPort, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _};
    Ruleset::default()
        .handle_access(AccessNet::ConnectTcp)?
        .create()?
        .add_rule(NetPort::new(port, AccessNet::ConnectTcp))?
        .restrict_self()
        .map(drop)
}

/// Does nothing: other systems have no Landlock.
#[cfg(not(target_os = "linux"))]
fn confine(_: u16) -> Result<(), std::convert::Infallible> {
    Ok(())
}

#[allow(unsafe_code)] // A library without a Rust interface cannot be called otherwise.
fn run(library: &Path, count: c_int, arguments: *mut *mut c_char) -> Result<(), libloading::Error> {
    type QueryCmdline = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
    // SAFETY: the library's initialisers have no requirements on the process that loads it.
    let library = unsafe { libloading::Library::new(library)? };
    // SAFETY: chdb.h declares `chdb_result * chdb_query_cmdline(int argc, char ** argv)`.
    let query = unsafe { library.get::<QueryCmdline>(b"chdb_query_cmdline")? };
    // SAFETY: `arguments` is a C argument vector of `count` strings and a null, and outlives the
    // call. The result is not read; the process ends after it.
    unsafe { query(count, arguments) };
    Ok(())
}
