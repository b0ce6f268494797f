//! `isobar accuracy`: compares the computations of Isobar with independent references.
//!
//! A theme is a file with claims and a function that measures the deviation of each claim. A new theme
//! requires a line in `THEMES`.

mod claim;
mod coverage;
mod e_model;
mod intervals;
mod many_groups;
mod mixes;
mod page;
mod reference;
mod sketches;
mod sketches_in_clickhouse;
mod standardisation;
mod statistics;
mod statistics_in_clickhouse;
mod theme;

use clap::Args;
use deploy::connect::Cluster;
use deploy::failure::{Context, Failure};
use deploy::migrate;
use serde::Serialize;
use stack::{Plan, Ports, Stack};

pub use claim::{Claim, Finding};
pub use coverage::{Grid, Point};
pub use mixes::MixPoint;
pub use page::page;
pub use theme::Server;
use theme::{Check, Theme};

/// `isobar accuracy`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Options {
    /// JSON instead of a page: `claims`, an array of `{claim, reference, bound, deviation, ok}`, and
    /// `coverage` and `mixes`, the points of the two grids.
    #[arg(long)]
    pub json: bool,
    /// Simulates 5,000 worlds at each of 567 and 90 points instead of 2,000 at 48 and 1,000 at 20.
    /// Takes minutes.
    #[arg(long)]
    whole_grid: bool,
    /// Skips the checks that require a ClickHouse.
    #[arg(long)]
    offline: bool,
}

/// Results of all claims, in the order of the page, and of the points of the grids.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// The claims.
    pub claims: Vec<Finding>,
    /// Error rates of intervals of shares, by kind of world.
    pub coverage: Vec<Point>,
    /// Error rates of standardised shares, by kind of world.
    pub mixes: Vec<MixPoint>,
}

impl Findings {
    /// Returns true if every claim holds.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        self.claims.iter().all(|finding| finding.ok)
    }
}

/// All themes, in the order of the page.
const THEMES: &[Theme] = &[
    intervals::THEME,
    e_model::THEME,
    statistics::THEME,
    standardisation::THEME,
    coverage::THEME,
    mixes::THEME,
    many_groups::THEME,
    sketches::THEME,
    sketches_in_clickhouse::THEME,
    statistics_in_clickhouse::THEME,
];

/// Returns every claim, in the order of the page.
pub fn claims() -> impl Iterator<Item = &'static Claim> {
    THEMES.iter().flat_map(|theme| theme.claims)
}

/// Checks all claims; `progress` receives the name of each theme that begins.
///
/// # Errors
/// If ClickHouse does not start or a check cannot be made.
pub async fn run(options: Options, progress: impl Fn(&str)) -> Result<Findings, Failure> {
    let mut findings = offline(Grid::of(options.whole_grid), &progress)?;
    if !options.offline {
        findings.claims.extend(in_a_clickhouse(progress).await?);
        sort(&mut findings.claims);
    }
    Ok(findings)
}

/// Checks the claims that need no ClickHouse; `progress` receives the name of each theme that begins.
///
/// # Errors
/// If a check cannot be made.
pub fn offline(grid: Grid, progress: impl Fn(&str)) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    for theme in THEMES {
        if !matches!(theme.check, Check::ClickHouse(_)) {
            progress(theme.name);
        }
        let deviations = match theme.check {
            Check::Offline(check) => check(),
            Check::Grid(check) => check(grid),
            Check::Mixes(check) => {
                findings.mixes = mixes::points(grid).context(theme.name)?;
                check(&findings.mixes, grid)
            }
            Check::Worlds(check) => {
                findings.coverage = coverage::points(grid).context(theme.name)?;
                check(&findings.coverage, grid)
            }
            Check::ClickHouse(_) => continue,
        };
        findings.claims.extend(theme.findings(&deviations.context(theme.name)?)?);
    }
    Ok(findings)
}

/// Checks the claims that need a migrated ClickHouse.
///
/// # Errors
/// If a check cannot be made.
pub async fn online(server: &Server, progress: impl Fn(&str)) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for theme in THEMES {
        if let Check::ClickHouse(check) = theme.check {
            progress(theme.name);
            findings.extend(theme.findings(&check(server).await.context(theme.name)?)?);
        }
    }
    Ok(findings)
}

/// Checks these claims on a temporary ClickHouse.
async fn in_a_clickhouse(progress: impl Fn(&str)) -> Result<Vec<Finding>, Failure> {
    progress("starting ClickHouse");
    let folder = tempfile::Builder::new().prefix("isobar-accuracy-").tempdir();
    let folder = folder.context("accuracy")?;
    let stack = Stack::start(Plan {
        isobar: std::env::current_exe().context("isobar's own program")?,
        folder: folder.path().to_owned(),
        ports: Ports::free(1)?,
        // An address that is never contacted: no Kafka is started.
        kafka: Some(Cluster::default()),
        clickhouse: None,
    });
    let stack = stack.map_err(|why| {
        Failure::Refused(format!("{why}\n--offline skips the claims that require a ClickHouse"))
    })?;
    let access = stack.access();
    let server = Server { admin: access.client("migrate"), reader: access.client("dashboard") };
    migrate::apply(&server.admin).await?;
    online(&server, progress).await
}

/// Sorts findings in the order of the page.
fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| claims().position(|claim| claim.claim == finding.claim));
}
