//! The Avro schemas hold the measures that the tables of `schemas::measures` list.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::Path;

use schemas::measures::Measure;
use schemas::{Measures, Quantities, StreamPartial};

/// Returns a field as the files write it; `indent` is that of its bracket.
fn field(indent: &str, [name, kind, doc]: [&str; 3], default: Option<&str>) -> String {
    let doc = serde_json::to_string(doc).unwrap();
    let default = default.map_or(String::new(), |it| format!(",\n{indent} \"default\": {it}"));
    format!(
        "{indent}{{\n{indent} \"name\": \"{name}\",\n{indent} \"type\": \"{kind}\",\n\
         {indent} \"doc\": {doc}{default}\n{indent}}}"
    )
}

fn longs(indent: &str, measures: &[Measure], default: Option<&str>) -> Vec<String> {
    let field = |it: &Measure| field(indent, [it.name, "long", it.meaning()], default);
    measures.iter().map(field).collect()
}

/// Replaces the fields of the record `name` from the one called `first` on.
fn with_fields(file: &str, name: &str, first: &str, fields: &[String]) -> String {
    let record = file.find(&format!("\"name\": \"{name}\"")).unwrap();
    let named = record + file[record..].find(&format!("\"name\": \"{first}\"")).unwrap();
    let start = file[..named].rfind("{\n").unwrap();
    let start = file[..start].rfind('\n').unwrap() + 1;
    // The bracket that closes the fields is one space to the left of theirs.
    let indent = file[start..].find('{').unwrap();
    let end = named + file[named..].find(&format!("\n{}]", " ".repeat(indent - 1))).unwrap();
    [&file[..start], &fields.join(",\n"), &file[end..]].concat()
}

#[test]
fn the_schemas_have_the_measures_of_the_tables() {
    let names = Quantities::NAMES.iter().zip(Quantities::MEANINGS);
    let sketch = |(name, meaning): (&&str, &str)| {
        field("     ", [name, "bytes", &format!("Sketch: {}", meaning.trim())], None)
    };
    let sketches: Vec<_> = names.map(sketch).collect();
    let measures = longs("     ", &Measures::ALL, Some("0"));
    let of_hours = longs("         ", &Measures::ALL, Some("0"));
    let sums = longs("      ", &StreamPartial::SUMS, None);
    for (file, records) in [
        (
            "cell_partial.v1.avsc",
            vec![("Measures", "intervals", &measures), ("Sketches", "round_trip_ms", &sketches)],
        ),
        (
            "session_partial.v1.avsc",
            vec![("Measures", "intervals", &measures), ("StreamPartial", "observed_us", &sums)],
        ),
        ("hour_partial.v1.avsc", vec![("Measures", "intervals", &of_hours)]),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("avsc").join(file);
        let is = fs::read_to_string(&path).unwrap();
        let must_be = records.iter().fold(is.clone(), |text, (record, first, fields)| {
            with_fields(&text, record, first, fields)
        });
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &must_be).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == must_be,
            "schemas/avsc/{file} has other measures than schemas/src/measures.rs: \
             UPDATE_SCHEMAS=1 cargo test -p schemas --test measures"
        );
    }
}
