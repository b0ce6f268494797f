//! A Prometheus that scrapes the services.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use stack::http;

use super::{Target, expand};
use crate::program::Program;

/// Panels without series while nothing goes wrong, because their counters begin with the first case.
const QUIET: [&str; 2] = ["Failed inserts", "Inserts that wait"];
/// Window of rates, ten scrapes.
const RATE_INTERVAL: &str = "10s";

pub(super) struct Prometheus {
    address: String,
    started: Instant,
    _program: Program,
}

impl Prometheus {
    /// Starts it; none if it is not installed, which only people's own machines are forgiven.
    pub(super) fn start(folder: &Path, targets: &[(&str, String)]) -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                std::env::var_os("ISOBAR_CI_STARTED").is_none(),
                "prometheus is not on the PATH"
            );
            println!("PromQL is not tried: prometheus is not on the PATH");
            return None;
        };
        let mut config = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
        for (job, address) in targets {
            writeln!(config, "- {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]}}")
                .unwrap();
        }
        let file = folder.join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg(format!("--web.listen-address={address}"));
        let program = Program::spawn(command, folder.join("prometheus.log"));
        program.wait_for("Server is ready to receive web requests");
        Some(Self { address, started: Instant::now(), _program: program })
    }

    fn get(&self, path: &str) -> Value {
        let answer = http::get_within(&self.address, path, Duration::from_secs(30)).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer:#}");
        answer["data"].clone()
    }

    /// Asserts that a panel's query has series with numbers, and that the services have its metrics.
    pub(super) fn answers(&self, target: &Target) {
        let known = self.get("/api/v1/metadata");
        for metric in metrics(&target.text) {
            let family = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|suffix| metric.strip_suffix(suffix))
                .unwrap_or(&metric);
            let is_documented = QUIET.contains(&target.title.as_str()) && documented(family);
            assert!(
                known.get(family).is_some() || is_documented,
                "{}: no metric {family}",
                target.title
            );
        }
        let now = jiff::Timestamp::now().as_second();
        let start = now - i64::try_from(self.started.elapsed().as_secs()).unwrap();
        let expression = encoded(&expand::promql(&target.text, RATE_INTERVAL));
        let data = self
            .get(&format!("/api/v1/query_range?query={expression}&start={start}&end={now}&step=1"));
        let series = data["result"].as_array().unwrap();
        let numbers = series
            .iter()
            .flat_map(|one| one["values"].as_array().unwrap())
            .filter(|pair| pair[1].as_str().unwrap().parse::<f64>().unwrap().is_finite())
            .count();
        let is_quiet = QUIET.contains(&target.title.as_str());
        assert!(numbers > 0 || is_quiet, "{}: {}: {data:#}", target.title, target.text);
    }
}

/// Returns the program on the PATH.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("prometheus"))
        .find(|program| program.is_file())
}

/// Returns the names of the metrics in an expression.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| word.starts_with("isobar_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// Returns whether the page of metrics, which is compared with the services by a test, lists a metric.
fn documented(metric: &str) -> bool {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/metrics.md");
    fs::read_to_string(page).unwrap().contains(&format!("| `{metric}` |"))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
