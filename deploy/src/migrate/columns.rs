//! The columns that tables, folds and views of cells share: measures, sketches and sums of streams as
//! [`schemas::measures`] lists them, the others as listed here. The SQL files hold placeholders such as
//! `{{measures:sum}}` where they go; what is checksummed is the rendered text.

use schemas::measures::{Fold, Measure};
use schemas::{Measures, Quantities, StreamPartial};

const WORD: &str = "LowCardinality(String)";
const INTEGER: &str = "Int64 CODEC(T64, LZ4)";
/// A sum for each threshold pack, name@version.
const BY_PACK: &str = "Map(LowCardinality(String), Int64) CODEC(ZSTD(1))";
/// The bytes of a state of [`STATE`]. As bytes they are moved by inserts and merges; as states
/// they would be taken apart and put together again each time, bin by bin.
const SKETCH: &str = "String CODEC(ZSTD(1))";
/// Type of the state in these bytes.
const STATE: &str = "AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64)";
const MERGE: &str = "quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)";

/// Dimensions of a cell.
const DIMENSIONS: [(&str, &str); 15] = [
    ("app", WORD),
    ("continent", WORD),
    ("country", WORD),
    ("subdivision", WORD),
    ("asn", INTEGER),
    ("organisation", WORD),
    ("network_type", WORD),
    ("edge", WORD),
    ("device_class", WORD),
    ("os", WORD),
    ("browser", WORD),
    ("browser_version", WORD),
    ("client_version", WORD),
    ("kind", WORD),
    ("direction", WORD),
];

/// Dimensions of a session in an hour, beside its app, call and participant: those of cells, and what only
/// sessions and samples tell apart.
const SESSION_DIMENSIONS: [(&str, &str); 17] = [
    ("continent", WORD),
    ("country", WORD),
    ("subdivision", WORD),
    ("city", WORD),
    ("asn", INTEGER),
    ("organisation", WORD),
    ("connection_type", WORD),
    ("network_type", WORD),
    ("transport", WORD),
    ("edge", WORD),
    ("device_class", WORD),
    ("os", WORD),
    ("browser", WORD),
    ("browser_version", WORD),
    ("client_version", WORD),
    ("kind", WORD),
    ("direction", WORD),
];

/// Dimensions of the strata of days, beside the app.
const STRATA: [(&str, &str); 10] = [
    ("continent", WORD),
    ("country", WORD),
    ("subdivision", WORD),
    ("asn", INTEGER),
    ("organisation", WORD),
    ("network_type", WORD),
    ("device_class", WORD),
    ("browser", WORD),
    ("kind", WORD),
    ("direction", WORD),
];

/// Dimensions of the roll-ups for a first view.
const OVERVIEW: [(&str, &str); 9] = [
    ("app", WORD),
    ("continent", WORD),
    ("country", WORD),
    ("asn", INTEGER),
    ("organisation", WORD),
    ("browser", WORD),
    ("browser_version", WORD),
    ("kind", WORD),
    ("direction", WORD),
];

/// Observed time by verdict of each threshold pack, of cells and sessions.
const PACKS: [&str; 3] = ["poor_us_by_pack", "good_us_by_pack", "unclassified_us_by_pack"];

/// A column.
struct Column {
    name: &'static str,
    /// Type and codec.
    kind: String,
    /// The expression that adds it up; of a dimension, none.
    sum: String,
}

impl Column {
    fn dimension((name, kind): (&'static str, &str)) -> Self {
        Self { name, kind: kind.to_owned(), sum: String::new() }
    }

    fn measure(measure: &Measure) -> Self {
        let kind = format!("{} CODEC(T64, LZ4)", Measure::COLUMN_TYPE);
        Self { name: measure.name, kind, sum: measure.sql_sum() }
    }

    fn by_pack(name: &'static str) -> Self {
        Self { name, kind: BY_PACK.to_owned(), sum: format!("sumMap({name})") }
    }

    fn sketch(name: &'static str) -> Self {
        let sum = format!("{MERGE}(CAST({name} AS {STATE}))");
        Self { name, kind: SKETCH.to_owned(), sum }
    }
}

/// SQL form of a column.
type Form = fn(&Column) -> String;

const FORMS: [(&str, Form); 5] = [
    ("typed", |it| format!("{} {}", it.name, it.kind)),
    ("names", |it| it.name.to_owned()),
    ("sum", |it| format!("{} AS {}", it.sum, it.name)),
    // For sums over years, which 64 bits may not hold.
    ("wide", |it| format!("toInt128({0}) AS {0}", it.name)),
    ("state", |it| format!("CAST({0} AS {STATE}) AS {0}", it.name)),
];

/// Renders a file: every placeholder `{{list:form}}` by its columns.
/// A placeholder that is not known stays, and a test finds it.
pub fn render(text: &str) -> String {
    let lists: [(&str, Vec<Column>); 7] = [
        ("dimensions", DIMENSIONS.map(Column::dimension).into()),
        ("session_dimensions", SESSION_DIMENSIONS.map(Column::dimension).into()),
        ("strata", STRATA.map(Column::dimension).into()),
        ("overview", OVERVIEW.map(Column::dimension).into()),
        ("measures", Measures::ALL.iter().map(Column::measure).collect()),
        ("packs", PACKS.map(Column::by_pack).into()),
        ("sketches", Quantities::NAMES.map(Column::sketch).into()),
    ];
    let mut text = text.to_owned();
    for (list, columns) in lists {
        for (form, written) in FORMS {
            let columns = columns.iter().map(written).collect::<Vec<_>>().join(",\n    ");
            text = text.replace(&format!("{{{{{list}:{form}}}}}"), &columns);
        }
    }
    for (placeholder, elements) in streams() {
        text = text.replace(placeholder, &elements.join(", "));
    }
    text
}

/// Returns the forms of the elements of a stream's tuple, which are read by their places: `parts` of a
/// stream may come without names.
fn streams() -> [(&'static str, Vec<String>); 5] {
    let (identity, sums) = (StreamPartial::IDENTITY, StreamPartial::SUMS);
    let typed = |name| format!("{name} {}", Measure::COLUMN_TYPE);
    let names = identity.into_iter().chain(sums.iter().map(|sum| sum.name));
    let first = (1..=identity.len()).map(|place| format!("mine[1].{place}"));
    let merged = (identity.len() + 1..).zip(&sums).map(|(place, sum)| match sum.fold {
        Fold::Sum => format!("arraySum(p -> p.{place}, mine)"),
        Fold::Max => format!("arrayMax(p -> p.{place}, mine)"),
    });
    [
        ("{{streams:typed}}", names.map(typed).collect()),
        ("{{streams:merged}}", first.chain(merged).collect()),
        ("{{streams:identity}}", (1..=identity.len()).map(|it| format!("p.{it}")).collect()),
        ("{{stream_sums:typed}}", sums.iter().map(|sum| typed(sum.name)).collect()),
        ("{{stream_sums:of_t}}", sums.iter().map(|sum| format!("t.{}", sum.name)).collect()),
    ]
}
