//! The columns that tables, folds and views of cells share, said once. The SQL files hold
//! placeholders such as `{{measures:sum}}` where they go; what is checksummed is the rendered text.

/// Name and type of a column.
type Column = (&'static str, &'static str);

const WORD: &str = "LowCardinality(String)";
const NUMBER: &str = "Int64 CODEC(T64, LZ4)";
/// By threshold pack, name@version.
const BY_PACK: &str = "Map(LowCardinality(String), Int64) CODEC(ZSTD(1))";
/// The bytes of a state of [`STATE`]. As bytes they are moved by inserts and merges; as states
/// they would be taken apart and put together again each time, bin by bin.
const SKETCH: &str = "String CODEC(ZSTD(1))";
/// What those bytes are to whoever reads them.
const STATE: &str = "AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64)";
const MERGE: &str = "quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)";

/// Dimensions of a cell.
const DIMENSIONS: [Column; 14] = [
    ("app", WORD),
    ("continent", WORD),
    ("country", WORD),
    ("subdivision", WORD),
    ("asn", NUMBER),
    ("organisation", WORD),
    ("network_type", WORD),
    ("edge", WORD),
    ("device_class", WORD),
    ("os", WORD),
    ("browser", WORD),
    ("client_version", WORD),
    ("kind", WORD),
    ("direction", WORD),
];

/// Additive measures, of cells and of sessions.
const MEASURES: [Column; 21] = [
    ("intervals", NUMBER),
    ("observed_us", NUMBER),
    ("packets_received", NUMBER),
    ("packets_lost", NUMBER),
    ("packets_expected", NUMBER),
    ("retransmitted_packets_received", NUMBER),
    ("retransmitted_packets_sent", NUMBER),
    ("bytes", NUMBER),
    ("frames", NUMBER),
    ("freeze_us", NUMBER),
    ("freeze_count", NUMBER),
    ("concealed_samples", NUMBER),
    ("total_samples", NUMBER),
    ("nack", NUMBER),
    ("pli", NUMBER),
    ("fir", NUMBER),
    ("setups_attempted", NUMBER),
    ("setups_failed", NUMBER),
    ("poor_us", NUMBER),
    ("good_us", NUMBER),
    ("unclassified_us", NUMBER),
];

/// Observed time by what each threshold pack says of it, of cells and of sessions.
const PACKS: [Column; 3] = [
    ("poor_us_by_pack", BY_PACK),
    ("good_us_by_pack", BY_PACK),
    ("unclassified_us_by_pack", BY_PACK),
];

/// Sketches of cells.
const SKETCHES: [Column; 8] = [
    ("round_trip_ms", SKETCH),
    ("jitter_ms", SKETCH),
    ("loss", SKETCH),
    ("bit_rate_bps", SKETCH),
    ("frame_rate", SKETCH),
    ("audio_mos", SKETCH),
    ("video_mos", SKETCH),
    ("time_to_media_ms", SKETCH),
];

/// Renders a file: every placeholder `{{list:form}}` by its columns.
/// A placeholder that is not known stays, and a test finds it.
pub fn render(text: &str) -> String {
    let lists: [(&str, &[Column]); 4] = [
        ("dimensions", &DIMENSIONS),
        ("measures", &MEASURES),
        ("packs", &PACKS),
        ("sketches", &SKETCHES),
    ];
    let mut text = text.to_owned();
    for (list, columns) in lists {
        for (form, written) in FORMS {
            let columns = columns.iter().map(|(name, kind)| written(name, kind));
            let columns = columns.collect::<Vec<_>>().join(",\n    ");
            text = text.replace(&format!("{{{{{list}:{form}}}}}"), &columns);
        }
    }
    text
}

/// How a column is written, by name and type.
type Form = fn(&str, &str) -> String;

const FORMS: [(&str, Form); 7] = [
    ("typed", |name, kind| format!("{name} {kind}")),
    ("names", |name, _| name.to_owned()),
    // Worked out in 128 bits and held at the ends of 64: an absurd sum stays an absurd one.
    ("sum", |name, _| format!("isobar_saturated(sum(toInt128({name}))) AS {name}")),
    // For sums over years, which 64 bits may not hold.
    ("wide", |name, _| format!("toInt128({name}) AS {name}")),
    ("sum_by_key", |name, _| format!("sumMap({name}) AS {name}")),
    ("state", |name, _| format!("CAST({name} AS {STATE}) AS {name}")),
    ("merge", |name, _| format!("{MERGE}(CAST({name} AS {STATE})) AS {name}")),
];
