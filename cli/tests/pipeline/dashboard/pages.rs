//! The pages in a real browser, as readers click through them, on a whole pipeline with a known world:
//! `dashboard/page/tests/browser/`.
//!
//! It takes minutes and runs with `--ignored`. It needs npm and chromium; without them it is skipped, unless
//! `ISOBAR_BROWSER_REQUIRED` is set. `ISOBAR_SHOTS` names a folder for a picture of every page. `UPDATE_DOCS=1` makes those of `docs/pages/`,
//! from a larger world.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use nix::sys::signal::Signal;
use stack::pipeline::{Pipeline, Raw};
use stack::{Trial, View, http};

use super::truth::Truth;
use crate::harness::Turn;
use crate::program::Program;

/// Days of calls, and sessions that begin in an hour on average. The whole incident is in the last day.
const WORLD: (u32, u32) = (1, 240);
/// The same for the pictures of the documentation: with a week before.
const LARGER_WORLD: (u32, u32) = (9, 150);
/// The provider that fails, as the look-up data name it, and its country.
const FAILING: (&str, &str) = ("Deutsche Telekom AG", "DE");
/// Age of the newest minute from which on the pipeline may lag, s: the least that the settings allow.
const LAG_S: &str = "60";
/// Longest time that the browser may take: several times what it takes on two busy cores.
const PATIENCE: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes on two cores; CONTRIBUTING.md names its command"]
async fn readers_find_on_the_pages_what_the_truth_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboard/page");
    if let Err(missing) = tools(&page) {
        assert!(env::var_os("ISOBAR_BROWSER_REQUIRED").is_none(), "{missing}");
        println!("skipped: {missing}");
        return;
    }
    let turn = Turn::take();
    let folder = turn.folder.path();
    let mut pipeline = Pipeline::start_on(turn.plan(), &Raw::Own, |_| ()).await.unwrap();
    let truth = simulate(&pipeline, folder).await;

    let program = dashboard(&turn, &pipeline);
    let address = program.address().unwrap();
    wait_until_ready(&address);
    let index = http::get(&address, "/").unwrap().body;
    assert!(!index.contains("This build has no page"), "{index}");

    let expected = folder.join("expected.json");
    fs::write(&expected, Truth::read(&truth, pipeline.stack.geo_files()).expected(FAILING))
        .unwrap();
    read(&page, &address, &expected, folder, &mut pipeline);
}

/// Returns what is missing of the programs and packages that the browser needs.
fn tools(page: &Path) -> Result<(), String> {
    let chromium = env::var("ISOBAR_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if !Path::new(&chromium).exists() {
        return Err(format!(
            "there is no {chromium} (Debian's package chromium, or ISOBAR_CHROMIUM)"
        ));
    }
    // The build of the page installs them as well, if it has npm.
    if page.join("node_modules/playwright-core").exists() {
        return Ok(());
    }
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let installed = Command::new("npm").args(install).current_dir(page).output();
    match installed {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("npm: {error}")),
    }
}

/// Sends the history through the services, and returns its truth once everything is counted.
async fn simulate(pipeline: &Pipeline, folder: &Path) -> PathBuf {
    let truth = folder.join("history.jsonl");
    let (days, hourly) = if updates_docs() { LARGER_WORLD } else { WORLD };
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command
        .args(["simulate", "--scenario=isp-incident", "--kafka", &pipeline.stack.brokers()])
        .args([format!("--days={days}"), format!("--hourly={hourly}")])
        .arg(format!("--late-h={}", Trial::OF_UP.late_h))
        .arg("--truth")
        .arg(&truth);
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");

    let sent = Truth::records(&truth);
    let view = View::of(&pipeline.stack.access());
    let patience = Instant::now() + Duration::from_secs(300);
    loop {
        let counted = view.raw_records().await.unwrap();
        if counted >= sent {
            return truth;
        }
        assert!(Instant::now() < patience, "{counted} of {sent} events are counted");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn updates_docs() -> bool {
    env::var("UPDATE_DOCS").is_ok_and(|value| value == "1")
}

fn dashboard(turn: &Turn, pipeline: &Pipeline) -> Program {
    let access = pipeline.stack.access();
    let ports = pipeline.services.ports().into_iter();
    let services: BTreeMap<_, _> =
        ports.map(|(service, port)| (service.name(), format!("127.0.0.1:{port}"))).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command
        .arg("dashboard")
        .env("ISOBAR_SERVER__LISTEN", "127.0.0.1:0")
        .env("ISOBAR_DASHBOARD__URL", &access.url)
        .env("ISOBAR_DASHBOARD__PASSWORD", access.passwords.of("dashboard"))
        .env("ISOBAR_DASHBOARD__LAG_S", LAG_S)
        // Several readers at once, on cores that do other things as well.
        .env("ISOBAR_DASHBOARD__QUERIES", "32")
        .env("ISOBAR_DASHBOARD__QUERY_S", "30")
        .env("ISOBAR_DASHBOARD__SERVICES", serde_json::json!(services).to_string());
    let program = Program::spawn(command, turn.folder.path().join("dashboard.log"));
    program.wait_for("started");
    program
}

fn wait_until_ready(address: &str) {
    let patience = Instant::now() + Duration::from_secs(60);
    while http::get(address, "/readyz").map_or(true, |answer| answer.status != 200) {
        assert!(Instant::now() < patience, "the dashboard is not ready");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Runs the checks of the browser, and does to the pipeline what they ask for.
fn read(page: &Path, address: &str, expected: &Path, folder: &Path, pipeline: &mut Pipeline) {
    let shots = match env::var_os("ISOBAR_SHOTS") {
        _ if updates_docs() => page.join("../../docs/pages"),
        Some(folder) => PathBuf::from(folder),
        None => folder.join("shots"),
    };
    let log = folder.join("browser.log");
    let printed = fs::File::create(&log).unwrap();
    let mut command = Command::new("node");
    command
        .arg("tests/browser/run.mjs")
        .args(["--base", &format!("http://{address}")])
        .args(["--provider", FAILING.0, "--country", FAILING.1])
        .arg("--expected")
        .arg(expected)
        .arg("--shots")
        .arg(shots);
    for request in Request::ALL {
        let file = folder.join(request.name());
        let file = file.to_str().unwrap();
        let asked = format!("touch '{file}' && while [ -e '{file}' ]; do sleep 0.1; done");
        command.arg(format!("--{}", request.name())).arg(asked);
    }
    command.current_dir(page).stdin(Stdio::null());
    command.stdout(printed.try_clone().unwrap()).stderr(printed);
    let mut browser = command.spawn().unwrap();
    let patience = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = browser.try_wait().unwrap() {
            break status;
        }
        for request in Request::ALL {
            let file = folder.join(request.name());
            if file.exists() {
                request.meet(pipeline);
                fs::remove_file(file).unwrap();
            }
        }
        if Instant::now() > patience {
            browser.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let said = fs::read_to_string(log).unwrap();
    println!("{said}");
    assert!(status.success(), "{said}");
    assert!(!said.contains("skipped"), "{said}");
}

/// Actions on the pipeline that a check of the browser requests, each by creating a file of its name.
#[derive(Clone, Copy)]
enum Request {
    /// ClickHouse ends.
    Gone,
    /// A service hangs.
    Late,
    /// Everything works again.
    Well,
}

impl Request {
    const ALL: [Self; 3] = [Self::Gone, Self::Late, Self::Well];

    const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Late => "late",
            Self::Well => "well",
        }
    }

    fn meet(self, pipeline: &mut Pipeline) {
        let sink = deploy::service::Service::Sink;
        let guard = pipeline.stack.guard().clone();
        match self {
            Self::Gone => pipeline.stack.clickhouse().unwrap().stop(),
            Self::Late => pipeline.services.signal(sink, Signal::SIGSTOP),
            Self::Well => {
                pipeline.services.signal(sink, Signal::SIGCONT);
                let clickhouse = pipeline.stack.clickhouse().unwrap();
                if clickhouse.process().is_none() {
                    clickhouse.resume(&guard).unwrap();
                }
            }
        }
    }
}
