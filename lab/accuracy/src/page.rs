//! The findings as a page.

use std::fmt::Write;

use super::{Finding, Findings, Point};

const INTRODUCTION: &str = "\
# Accuracy

What Isobar claims to compute, what that was held against, and the largest deviation found. This
page is made by `isobar accuracy --whole-grid > docs/reference/accuracy.md`, which ends with an error
when a deviation is above its bound; without `--whole-grid` 2,000 worlds at each of 48 points are
simulated instead of 5,000 at 567. `--json` gives the same as JSON, and `--offline` leaves out what needs
a ClickHouse. `reference.py` is `lab/accuracy/src/reference.py`. What the statistics mean is
in [statistics](statistics.md).

| claim | reference | bound | largest deviation | |
|---|---|---|---|---|
";

const COVERAGE: &str = "
## Coverage of a share's interval

Each cell is of the simulated worlds of one kind, in percent: worlds in which there is an
**interval**, worlds in which an interval or a limit alone **misses** the truth, and pairs of equal
worlds that are `clear`. Nominal are 5 and 5; the bounds are 7 and 6. ρ is the correlation of two samples of
a session, σ that of the sessions' lognormal lengths.
";

/// Returns the page that holds `findings`.
#[must_use]
pub fn page(findings: &Findings) -> String {
    let mut page = INTRODUCTION.to_owned();
    for Finding { claim, reference, bound, deviation, ok } in &findings.claims {
        let deviation = deviation.map_or_else(|| "not comparable".to_owned(), number);
        let verdict = if *ok { "ok" } else { "**NOT OK**" };
        let bound = number(*bound);
        let _ = writeln!(page, "| {claim} | {reference} | {bound} | {deviation} | {verdict} |");
    }
    if !findings.coverage.is_empty() {
        page.push_str(COVERAGE);
        page.push_str(&coverage(&findings.coverage));
    }
    page
}

/// Returns a table with a row for each number of sessions and share, and a column for each
/// correlation and spread of lengths.
fn coverage(points: &[Point]) -> String {
    let column = |point: &Point| format!("ρ {}, σ {}", point.correlation, point.spread);
    let row = |point: &Point| format!("{} | {}", point.sessions, number(point.poor * 100.0));
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for point in points {
        if !columns.contains(&column(point)) {
            columns.push(column(point));
        }
        if !rows.contains(&(point.sessions, row(point))) {
            rows.push((point.sessions, row(point)));
        }
    }
    rows.sort_by_key(|(sessions, _)| *sessions);
    let mut table = format!("\n| sessions | share, % | {} |\n", columns.join(" | "));
    let _ = writeln!(table, "|---|---|{}", "---|".repeat(columns.len()));
    for (_, of) in rows {
        let cells = columns.iter().map(|name| {
            let found = points.iter().find(|point| row(point) == of && column(point) == *name);
            found.map_or_else(String::new, |point| {
                let [interval, missed, clear] =
                    [point.interval, point.missed, point.clear].map(|share| share * 100.0);
                format!("{interval:.0} · {missed:.1} · {clear:.1}")
            })
        });
        let _ = writeln!(table, "| {of} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    table
}

/// Formats a number with four digits; small ones with a power of ten.
fn number(number: f64) -> String {
    if number == 0.0 || (1e-3..1e4).contains(&number.abs()) {
        let digits = (3 - number.abs().max(1e-3).log10().floor() as i32).max(0) as usize;
        let text = format!("{number:.digits$}");
        if !text.contains('.') {
            return text;
        }
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{number:.1e}")
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.01, "0.01"),
            (0.0099951234, "0.009995"),
            (0.95, "0.95"),
            (120.0, "120"),
            (1e-6, "1.0e-6"),
            (2.53e-13, "2.5e-13"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
