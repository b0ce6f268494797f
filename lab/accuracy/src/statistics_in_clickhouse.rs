//! The SQL functions of statistics, compared with their Rust core.

use clickhouse::Client;
use deploy::failure::{Context, Failure};
use statistics::{
    Estimate, Interval, Session, difference, exact_upper_limit, normal_quantile,
    percentile_sample_size, sample_size, wilson,
};

use super::claim::{Claim, Deviations, largest};
use super::statistics::sessions;
use super::theme::{Check, Server, Theme};

pub(super) const THEME: Theme = Theme {
    name: "statistics in ClickHouse",
    claims: &[
        Claim {
            claim: "`isobar_share` and `isobar_mean` of 80 groups of 1 to 2,000 sessions",
            reference: "The Rust core, which uses two passes over the sessions where SQL sums squares",
            bound: 1e-9,
        },
        Claim {
            claim: "`isobar_difference` of every two of these groups, for shares and means",
            reference: "The Rust core",
            bound: 1e-9,
        },
        Claim {
            claim: "`isobar_wilson` of 0 to n of n, n from 0 to 1,000,000",
            reference: "The Rust core",
            bound: 1e-12,
        },
        Claim {
            claim: "`isobar_exact_upper_limit` of 0 to n of n, n from 1 to 1,000,000",
            reference: "The Rust core",
            bound: 1e-12,
        },
        Claim {
            claim: "`isobar_normal_quantile`, `isobar_sample_size`, `isobar_percentile_sample_size`",
            reference: "The Rust core",
            bound: 1e-12,
        },
    ],
    check: Check::ClickHouse(|server| Box::pin(deviations(server))),
};

const GROUPS: u32 = 80;

async fn deviations(server: &Server) -> Deviations {
    let groups: Vec<Vec<Session>> = (0..GROUPS).map(group).collect();
    load(&server.admin, &groups).await?;
    let reader = &server.reader;
    Ok(vec![
        largest([shares(&server.admin, &groups).await?, means(&server.admin, &groups).await?]),
        largest([
            differences(&server.admin, &groups, "isobar_share", |of| of.share()).await?,
            differences(&server.admin, &groups, "isobar_mean", |of| of.mean()).await?,
        ]),
        wilsons(reader).await?,
        exact_limits(reader).await?,
        largest([quantiles(reader).await?, sizes(reader).await?, percentiles(reader).await?]),
    ])
}

/// Returns the sessions of a group. Groups include: about the minimum number of sessions for an
/// interval, never poor ones, completely poor ones, some without any time, and some with negative
/// values, as for lost packets.
fn group(number: u32) -> Vec<Session> {
    let count = [1, 2, 3, 99, 150, 200, 500, 2000][number as usize % 8];
    let mut sessions = sessions(u64::from(number) + 1, count, u64::from(number) % 11);
    for (position, session) in sessions.iter_mut().enumerate() {
        match number % 9 {
            7 => session.part = session.whole,
            8 if position % 3 == 0 => *session = Session { part: 0, whole: 0 },
            6 if position % 5 == 0 => session.part = -session.part / 100,
            _ => {}
        }
    }
    sessions
}

async fn load(admin: &Client, groups: &[Vec<Session>]) -> Result<(), Failure> {
    let table = "CREATE OR REPLACE TABLE accuracy_sessions \
                 (grouping UInt32, part Int64, whole Int64) ENGINE = MergeTree ORDER BY tuple()";
    admin.query(table).execute().await.context("accuracy_sessions")?;
    let statement = "INSERT INTO accuracy_sessions FORMAT RowBinary";
    let mut insert = admin.insert_formatted_with(statement).buffered();
    for (grouping, sessions) in (0_u32..).zip(groups) {
        for Session { part, whole } in sessions {
            insert.write_buffered(&grouping.to_le_bytes());
            insert.write_buffered(&part.to_le_bytes());
            insert.write_buffered(&whole.to_le_bytes());
        }
    }
    insert.end().await.context("accuracy_sessions")
}

/// Returns the distance of two numbers; NaN if only one of them exists.
fn apart(found: Option<f64>, wanted: Option<f64>) -> f64 {
    match (found, wanted) {
        (None, None) => 0.0,
        (Some(found), Some(wanted)) if found == wanted => 0.0,
        (Some(found), Some(wanted)) => (found - wanted).abs() / wanted.abs().max(1.0),
        _ => f64::NAN,
    }
}

fn limits(lower: Option<f64>, upper: Option<f64>, wanted: Option<Interval>) -> f64 {
    let low = wanted.and_then(|wanted| wanted.lower);
    let high = wanted.and_then(|wanted| wanted.upper);
    largest([apart(lower, low), apart(upper, high)])
}

fn same(same: bool) -> f64 {
    if same { 0.0 } else { f64::NAN }
}

/// An estimate of the SQL functions: sessions, effective sessions, ratio, standard error, degrees of
/// freedom, limits, and whether there are enough sessions.
#[derive(clickhouse::Row, serde::Deserialize)]
struct Found {
    grouping: u32,
    sessions: u64,
    effective_sessions: Option<f64>,
    ratio: Option<f64>,
    standard_error: Option<f64>,
    degrees_of_freedom: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    enough: bool,
    design_effect: Option<f64>,
}

impl Found {
    fn off(&self, wanted: Option<Estimate>, interval: Of) -> f64 {
        let limited = wanted.map(|wanted| interval(&wanted));
        largest([
            same(self.sessions == wanted.map_or(0, |wanted| wanted.sessions)),
            same(self.enough == limited.is_some_and(|limited| limited.enough())),
            apart(self.effective_sessions, wanted.map(|wanted| wanted.effective_sessions)),
            apart(self.ratio, wanted.map(|wanted| wanted.ratio)),
            apart(self.standard_error, wanted.and_then(|wanted| wanted.standard_error)),
            apart(self.degrees_of_freedom, wanted.map(|wanted| wanted.degrees_of_freedom)),
            limits(self.lower, self.upper, limited),
        ])
    }
}

type Of = fn(&Estimate) -> Interval;

const COLUMNS: &str = "e.sessions AS sessions, e.effective_sessions AS effective_sessions, \
                       e.1 AS ratio, e.standard_error AS standard_error, \
                       e.degrees_of_freedom AS degrees_of_freedom, \
                       e.lower AS lower, e.upper AS upper, e.enough AS enough";

/// Condition for groups with shares: group 6 of 9 has negative parts, which a share cannot have.
const SHARES: &str = "grouping % 9 != 6";

async fn shares(admin: &Client, groups: &[Vec<Session>]) -> Result<f64, Failure> {
    let query = format!(
        "SELECT grouping, {COLUMNS}, e.design_effect AS design_effect \
         FROM (SELECT grouping, isobar_share(part, whole) AS e FROM accuracy_sessions \
         WHERE {SHARES} GROUP BY grouping)"
    );
    let rows = admin.query(&query).fetch_all::<Found>().await.context("isobar_share")?;
    let wanted = groups.iter().enumerate().filter(|(number, _)| number % 9 != 6).count();
    let each = rows.iter().map(|found| {
        let wanted = Estimate::of(&groups[found.grouping as usize]);
        let design_effect = wanted.and_then(|wanted| wanted.design_effect());
        largest([found.off(wanted, Estimate::share), apart(found.design_effect, design_effect)])
    });
    let kinds = [
        rows.iter().any(|found| found.enough),
        rows.iter().any(|found| found.lower.is_none() && found.upper.is_some()),
        rows.iter().any(|found| found.upper.is_none() && found.lower.is_some()),
        rows.len() == wanted,
    ];
    Ok(largest(each.chain(kinds.map(same))))
}

async fn means(admin: &Client, groups: &[Vec<Session>]) -> Result<f64, Failure> {
    let query = format!(
        "SELECT grouping, {COLUMNS}, CAST(NULL AS Nullable(Float64)) AS design_effect \
         FROM (SELECT grouping, isobar_mean(part, whole) AS e FROM accuracy_sessions \
         GROUP BY grouping)"
    );
    let rows = admin.query(&query).fetch_all::<Found>().await.context("isobar_mean")?;
    let each = rows
        .iter()
        .map(|found| found.off(Estimate::of(&groups[found.grouping as usize]), Estimate::mean));
    Ok(largest(each.chain([same(rows.len() == groups.len())])))
}

async fn differences(
    admin: &Client,
    groups: &[Vec<Session>],
    function: &str,
    interval: Of,
) -> Result<f64, Failure> {
    let query = format!(
        "WITH estimates AS (SELECT grouping, {function}(part, whole) AS estimate \
         FROM accuracy_sessions WHERE {SHARES} GROUP BY grouping) \
         SELECT one, other, d.difference, d.lower, d.upper, d.clear FROM \
         (SELECT a.grouping AS one, b.grouping AS other, \
         isobar_difference(a.estimate, b.estimate) AS d \
         FROM estimates AS a CROSS JOIN estimates AS b)"
    );
    type Row = (u32, u32, Option<f64>, Option<f64>, Option<f64>, bool);
    let rows = admin.query(&query).fetch_all::<Row>().await.context("isobar_difference")?;
    let of = |number: u32| Estimate::of(&groups[number as usize]).map(|of| interval(&of));
    let each = rows.iter().map(|&(a, b, found, lower, upper, clear)| {
        let wanted = of(a).zip(of(b)).map(|(a, b)| difference(a, b));
        largest([
            apart(found, wanted.map(|wanted| wanted.interval.estimate)),
            limits(lower, upper, wanted.map(|wanted| wanted.interval)),
            same(clear == wanted.is_some_and(|wanted| wanted.clear)),
        ])
    });
    let both = rows.iter().any(|row| row.5) && rows.iter().any(|row| !row.5 && row.3.is_some());
    Ok(largest(each.chain([same(both)])))
}

async fn exact_limits(reader: &Client) -> Result<f64, Failure> {
    let query = "SELECT k, n, isobar_exact_upper_limit(k, n) FROM (\
                 SELECT arrayJoin([1., 2., 10., 55.5, 4000., 1000000.]) AS n, \
                 arrayJoin([0., 0.3, 1., 4.9, 7., 55.]) AS k)";
    let rows = reader.query(query).fetch_all::<(f64, f64, Option<f64>)>().await;
    let rows = rows.context("isobar_exact_upper_limit")?;
    let each = rows.iter().map(|&(k, n, found)| apart(found, exact_upper_limit(k, n)));
    Ok(largest(each.chain([same(rows.len() == 6 * 6)])))
}

async fn wilsons(reader: &Client) -> Result<f64, Failure> {
    let query = "SELECT k, n, w.share, w.lower, w.upper FROM (SELECT k, n, isobar_wilson(k, n) AS w \
                 FROM (SELECT arrayJoin([0, 1, 2, 10, 99, 12345, 1000000]) AS n, \
                 toUInt64(intDiv(n * number, 20)) AS k FROM numbers(21)))";
    type Row = (u64, u32, Option<f64>, Option<f64>, Option<f64>);
    let rows = reader.query(query).fetch_all::<Row>().await.context("isobar_wilson")?;
    let each = rows.iter().map(|&(k, n, share, lower, upper)| {
        let wanted = wilson(k, u64::from(n));
        let share = apart(share, wanted.map(|wanted| wanted.estimate));
        largest([share, limits(lower, upper, wanted)])
    });
    Ok(largest(each.chain([same(rows.len() == 7 * 21)])))
}

async fn quantiles(reader: &Client) -> Result<f64, Failure> {
    let query = "SELECT p, isobar_normal_quantile(p) FROM (SELECT arrayJoin(arrayConcat(\
                 [0., 1e-12, 1e-9, 1e-4, 1.], range(1, 100) / 100)) AS p)";
    let rows = reader.query(query).fetch_all::<(f64, Option<f64>)>().await;
    let rows = rows.context("isobar_normal_quantile")?;
    let each = rows.iter().map(|&(p, found)| apart(found, normal_quantile(p)));
    Ok(largest(each.chain([same(rows.len() == 104)])))
}

async fn sizes(reader: &Client) -> Result<f64, Failure> {
    let query = "SELECT p, q, power, isobar_sample_size(p, q, power) FROM (\
                 SELECT arrayJoin([-0.1, 0., 0.001, 0.05, 0.5, 1.]) AS p, \
                 arrayJoin([0.002, 0.05, 0.06, 0.07, 0.1, 1.]) AS q, \
                 arrayJoin([0.5, 0.8, 0.9, 0.99, 1.]) AS power)";
    let rows = reader.query(query).fetch_all::<(f64, f64, f64, Option<f64>)>().await;
    let rows = rows.context("isobar_sample_size")?;
    let each = rows.iter().map(|&(p, q, power, found)| apart(found, sample_size(p, q, power)));
    Ok(largest(each.chain([same(rows.len() == 6 * 6 * 5)])))
}

async fn percentiles(reader: &Client) -> Result<f64, Failure> {
    let query = "SELECT level, isobar_percentile_sample_size(level) FROM (SELECT arrayJoin(\
                 arrayConcat([0., 0.001, 0.999, 0.9999, 1.], range(1, 200) / 200)) AS level)";
    let rows = reader.query(query).fetch_all::<(f64, Option<f64>)>().await;
    let rows = rows.context("isobar_percentile_sample_size")?;
    let each = rows.iter().map(|&(level, found)| {
        apart(found, percentile_sample_size(level).map(|wanted| wanted as f64))
    });
    Ok(largest(each.chain([same(rows.len() == 204)])))
}
