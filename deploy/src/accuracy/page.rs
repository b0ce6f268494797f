//! The findings as a page.

use std::fmt::Write;

use super::Finding;

const INTRODUCTION: &str = "\
# Accuracy

What Isobar claims to compute, what that was held against, and the largest deviation found. This
page is made by `isobar accuracy > docs/reference/accuracy.md`, which ends with an error when a
deviation is above its bound; `--json` gives the same as an array, and `--offline` leaves out what
needs a ClickHouse. `reference.py` is `deploy/src/accuracy/reference.py`. What the statistics mean is
in [statistics](statistics.md).

| claim | reference | bound | largest deviation | |
|---|---|---|---|---|
";

/// The page that holds `findings`.
#[must_use]
pub fn page(findings: &[Finding]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for Finding { claim, reference, bound, deviation, ok } in findings {
        let deviation = deviation.map_or_else(|| "not comparable".to_owned(), number);
        let verdict = if *ok { "ok" } else { "**NOT OK**" };
        let bound = number(*bound);
        let _ = writeln!(page, "| {claim} | {reference} | {bound} | {deviation} | {verdict} |");
    }
    page
}

/// Four digits; small ones with a power of ten.
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
