//! `isobar accuracy`: compares the computations of Isobar with independent references.
//!
//! A theme is a file with claims and a function that measures the deviation of each claim. A new theme
//! requires a line in `THEMES`.

mod coverage;
mod e_model;
mod intervals;
mod page;
mod reference;
mod sketches;
mod sketches_in_clickhouse;
mod statistics;
mod statistics_in_clickhouse;

use std::pin::Pin;

use clap::Args;
use clickhouse::Client;
use deploy::connect::Cluster;
use deploy::failure::{Context, Failure};
use deploy::migrate;
use serde::Serialize;
use stack::{Plan, Ports, Stack};

pub use coverage::{Grid, Point};
pub use page::page;

/// `isobar accuracy`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Options {
    /// JSON instead of a page: `claims`, an array of `{claim, reference, bound, deviation, ok}`, and
    /// `coverage`, the points of the grid.
    #[arg(long)]
    pub json: bool,
    /// Simulates 5,000 worlds at each of 567 points instead of 2,000 at each of 48. Takes minutes.
    #[arg(long)]
    whole_grid: bool,
    /// Skips the checks that require a ClickHouse.
    #[arg(long)]
    offline: bool,
}

/// A claim about the accuracy of Isobar.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The claim, with the unit of the deviation.
    pub claim: &'static str,
    /// The reference.
    pub reference: &'static str,
    /// The largest permitted deviation.
    pub bound: f64,
}

/// A claim with its result.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The claim.
    pub claim: &'static str,
    /// The reference.
    pub reference: &'static str,
    /// The largest permitted deviation.
    pub bound: f64,
    /// The largest deviation found; none (`null`) if something could not be compared.
    pub deviation: Option<f64>,
    /// Whether the deviation is within the bound.
    pub ok: bool,
}

/// Results of all claims, in the order of the page, and of the points of the grid.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// The claims.
    pub claims: Vec<Finding>,
    /// Error rates of intervals of shares, by kind of world.
    pub coverage: Vec<Point>,
}

impl Findings {
    /// Returns true if every claim holds.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        self.claims.iter().all(|finding| finding.ok)
    }
}

type Deviations = Result<Vec<f64>, Failure>;

/// Function that returns the largest deviation of each claim of a theme, in order.
enum Check {
    /// Without further input.
    Offline(fn() -> Deviations),
    /// With simulated worlds at the points of a grid.
    Worlds(fn(&[Point], Grid) -> Deviations),
    /// On a migrated ClickHouse of its own.
    ClickHouse(for<'a> fn(&'a Server) -> Pin<Box<dyn Future<Output = Deviations> + 'a>>),
}

/// Claims that are checked together.
struct Theme {
    name: &'static str,
    claims: &'static [Claim],
    check: Check,
}

/// All themes, in the order of the page.
const THEMES: &[Theme] = &[
    intervals::THEME,
    e_model::THEME,
    statistics::THEME,
    coverage::THEME,
    sketches::THEME,
    sketches_in_clickhouse::THEME,
    statistics_in_clickhouse::THEME,
];

/// Returns every claim, in the order of the page.
pub fn claims() -> impl Iterator<Item = &'static Claim> {
    THEMES.iter().flat_map(|theme| theme.claims)
}

/// Clients of a migrated ClickHouse.
#[derive(Clone, Debug)]
pub struct Server {
    /// Client of a user with the right to create tables and insert.
    pub admin: Client,
    /// Client of a user that may only read views.
    pub reader: Client,
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
        let deviations = match theme.check {
            Check::Offline(check) => {
                progress(theme.name);
                check()
            }
            Check::Worlds(check) => {
                progress(theme.name);
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

impl Theme {
    fn findings(&self, deviations: &[f64]) -> Result<Vec<Finding>, Failure> {
        if deviations.len() != self.claims.len() {
            let (found, wanted) = (deviations.len(), self.claims.len());
            return Err(Failure::Refused(format!(
                "{}: {found} deviations for {wanted} claims",
                self.name
            )));
        }
        let pairs = self.claims.iter().zip(deviations);
        Ok(pairs.map(|(claim, deviation)| claim.finding(*deviation)).collect())
    }
}

impl Claim {
    fn finding(&self, deviation: f64) -> Finding {
        Finding {
            claim: self.claim,
            reference: self.reference,
            bound: self.bound,
            deviation: Some(deviation).filter(|deviation| deviation.is_finite()),
            ok: deviation <= self.bound,
        }
    }
}

/// Returns the largest of `distances`; NaN if one of them is.
fn largest(distances: impl IntoIterator<Item = f64>) -> f64 {
    distances.into_iter().fold(0.0, |largest, distance| {
        if distance.is_nan() || distance > largest { distance } else { largest }
    })
}

#[cfg(test)]
mod tests {
    use super::{Claim, largest};

    #[test]
    fn a_claim_that_cannot_be_compared_fails() {
        let claim = Claim { claim: "", reference: "", bound: 1.0 };
        assert!(claim.finding(1.0).ok);
        for deviation in [1.1, f64::NAN, f64::INFINITY] {
            assert!(!claim.finding(deviation).ok, "{deviation}");
        }
        assert!(largest([1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
    }
}
