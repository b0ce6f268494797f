//! Sketches as read by ClickHouse, compared with those of ClickHouse.

use aggregate::Sketch;
use clickhouse::Client;
use deploy::failure::{Context, Failure};

use super::claim::{Claim, Deviations, largest};
use super::sketches::{self, LEVELS, ONE_PERCENT, Values};
use super::theme::{Check, Server, Theme};

pub(super) const THEME: Theme = Theme {
    name: "sketches in ClickHouse",
    claims: &[
        Claim {
            claim: "Percentiles of 1,000 of Isobar's partials, merged by ClickHouse's \
                    `quantilesDDMerge`: relative error",
            reference: "Exact percentiles of the 1,000,000 values of each of the five distributions",
            bound: ONE_PERCENT,
        },
        Claim {
            claim: "The same compared with the percentiles that Isobar itself computes: relative difference",
            reference: "`quantilesDDMerge` of ClickHouse 26.7",
            bound: 1e-9,
        },
        Claim {
            claim: "Bins of 0 and of values from 1 up equal those of ClickHouse: number of \
                    distributions, of five, with another state",
            reference: "`quantilesDDState` of ClickHouse 26.7 on the values themselves",
            bound: 0.0,
        },
        Claim {
            claim: "For comparison, states made by ClickHouse itself, which Isobar does not use: \
                    relative error, largest for values below 1",
            reference: "Exact percentiles of the same values",
            bound: 0.031,
        },
    ],
    check: Check::ClickHouse(|server| Box::pin(deviations(server))),
};

const STATES: &str = "CREATE TABLE accuracy_states (state \
    AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64)) ENGINE = MergeTree ORDER BY tuple()";
const VALUES: &str =
    "CREATE TABLE accuracy_values (value Float64) ENGINE = MergeTree ORDER BY tuple()";

async fn deviations(server: &Server) -> Deviations {
    let admin = &server.admin;
    let (mut merged, mut apart, mut differ, mut theirs) = (0.0, 0.0, 0.0, 0.0);
    for distribution in sketches::distributions() {
        let distribution = distribution?;
        let sorted = &distribution.sorted;
        load(admin, &distribution).await?;
        let estimate = quantiles(admin, "quantilesDDMerge", "state", "accuracy_states").await?;
        merged =
            largest([merged, sketches::error(sorted, |number, _| estimate.get(number).copied())]);
        let ours = sketches::sketch(sorted.iter().copied());
        apart = largest([apart, apart_from(&ours, &estimate)]);
        differ += f64::from(u8::from(!same_bins(admin, sorted).await?));
        let estimate = quantiles(admin, "quantilesDD", "value", "accuracy_values").await?;
        theirs =
            largest([theirs, sketches::error(sorted, |number, _| estimate.get(number).copied())]);
    }
    Ok(vec![merged, apart, differ, theirs])
}

async fn load(admin: &Client, distribution: &Values) -> Result<(), Failure> {
    for statement in [
        "DROP TABLE IF EXISTS accuracy_states",
        "DROP TABLE IF EXISTS accuracy_values",
        STATES,
        VALUES,
    ] {
        admin.query(statement).execute().await.context("accuracy")?;
    }
    let mut states = Vec::new();
    let mut bytes = Vec::new();
    for partial in distribution.partials() {
        partial.write_state(&mut bytes);
        states.extend_from_slice(&bytes);
    }
    insert(admin, "accuracy_states", &states).await?;
    let values: Vec<u8> =
        distribution.values.iter().flat_map(|(_, value)| value.to_le_bytes()).collect();
    insert(admin, "accuracy_values", &values).await
}

/// Inserts rows of one column, in RowBinary.
async fn insert(admin: &Client, table: &str, rows: &[u8]) -> Result<(), Failure> {
    let statement = format!("INSERT INTO {table} FORMAT RowBinary");
    let mut insert = admin.insert_formatted_with(statement).buffered();
    for chunk in rows.chunks(1 << 20) {
        insert.write_buffered(chunk);
        insert.flush().await.context(table)?;
    }
    insert.end().await.context(table)
}

/// Returns the percentiles of [`LEVELS`].
async fn quantiles(
    admin: &Client,
    function: &str,
    column: &str,
    table: &str,
) -> Result<Vec<f64>, Failure> {
    let levels = LEVELS.map(|level| level.to_string()).join(", ");
    let query = format!("SELECT {function}(0.01, {levels})({column}) FROM {table}");
    admin.query(&query).fetch_one::<Vec<f64>>().await.context(function)
}

fn apart_from(ours: &Sketch, estimate: &[f64]) -> f64 {
    largest(LEVELS.iter().enumerate().map(|(number, level)| {
        match (ours.quantile(*level), estimate.get(number)) {
            (Some(ours), Some(estimate)) if ours == *estimate => 0.0,
            (Some(ours), Some(estimate)) => (estimate / ours - 1.0).abs(),
            _ => f64::NAN,
        }
    }))
}

/// Counts states with different bins. Values below 1 are left out, because ClickHouse rounds their
/// keys towards zero.
async fn same_bins(admin: &Client, values: &[f64]) -> Result<bool, Failure> {
    let query = "SELECT hex(quantilesDDState(0.01, 0.5)(value)) FROM accuracy_values \
                 WHERE value = 0 OR value >= 1";
    let hex = admin.query(query).fetch_one::<String>().await.context("quantilesDDState")?;
    let theirs = unhex(&hex).and_then(|bytes| Sketch::from_state(&bytes));
    let ours = values.iter().copied().filter(|value| *value == 0.0 || *value >= 1.0);
    Ok(theirs == Some(sketches::sketch(ours)))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}
