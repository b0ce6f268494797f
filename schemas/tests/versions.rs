//! Released schemas do not change, and all versions of a subject can read each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use apache_avro::Schema;
use apache_avro::error::CompatibilityError;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use schemas::Subject;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("avsc")
}

/// Returns all versions in the folder: subject.vN → schema.
fn versions() -> BTreeMap<String, Value> {
    fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "avsc"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())
        })
        .collect()
}

/// Returns a schema without its comments, with its members in alphabetical order.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => json!(
            members
                .iter()
                .filter(|(name, _)| *name != "doc")
                .map(|(name, member)| (name, bare(member)))
                .collect::<BTreeMap<_, _>>()
        ),
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}

fn fingerprint(schema: &Value) -> String {
    format!("{:032x}", xxh3_128(bare(schema).to_string().as_bytes()))
}

/// Returns `Full` if each schema reads everything that the other writes.
fn compatibility(one: &Value, other: &Value) -> Result<Compatibility, CompatibilityError> {
    let [one, other] = [one, other].map(|schema| Schema::parse(schema).unwrap());
    SchemaCompatibility::mutual_read(&one, &other)
}

#[test]
fn a_released_version_never_changes() {
    let landed = fs::read_to_string(folder().join("FINGERPRINTS")).unwrap();
    let now: String = versions()
        .iter()
        .map(|(name, schema)| format!("{name} {}\n", fingerprint(schema)))
        .collect();
    assert!(
        landed == now,
        "schemas/avsc/FINGERPRINTS differs from the files. Records of a landed version are in \
         topics: put its file back and add the next version beside it, compatible with all \
         before. For a new version, add its line:\n{now}"
    );
}

#[test]
fn a_fingerprint_sees_defaults_and_order_but_no_comments() {
    let schema = |fields: Value| json!({"type": "record", "name": "R", "fields": fields});
    let a = json!({"name": "a", "type": "long"});
    let b = json!({"name": "b", "type": "long"});
    let plain = fingerprint(&schema(json!([a, b])));
    let commented = json!({"name": "a", "type": "long", "doc": "what it is"});
    assert_eq!(plain, fingerprint(&schema(json!([commented, b]))));
    assert_ne!(plain, fingerprint(&schema(json!([b, a]))));
    let defaulted = json!({"name": "a", "type": "long", "default": 0});
    assert_ne!(plain, fingerprint(&schema(json!([defaulted, b]))));
}

#[test]
fn the_newest_version_of_every_subject_is_the_one_that_is_written() {
    let versions = versions();
    for subject in Subject::ALL {
        let newest = subject.schema_id() % 100;
        let name = |version: u32| format!("{}.v{version}", subject.name());
        let file = Schema::parse(&versions[&name(newest)]).unwrap();
        assert_eq!(schemas::schema(subject).canonical_form(), file.canonical_form());
        assert!(!versions.contains_key(&name(newest + 1)), "{} is not in use", name(newest + 1));
    }
}

#[test]
fn all_versions_of_a_subject_are_fully_compatible() {
    let versions = versions();
    for (name, one) in &versions {
        let subject = name.split('.').next().unwrap();
        for (other_name, other) in &versions {
            if other_name.split('.').next() == Some(subject) {
                let found = compatibility(one, other);
                let full = matches!(found, Ok(Compatibility::Full));
                assert!(full, "{name} and {other_name}: {found:?}");
            }
        }
    }
}

#[test]
fn a_field_may_come_with_a_default_but_none_may_come_or_go_without() {
    for (name, landed) in versions() {
        let with = |field: Value| {
            let mut next = landed.clone();
            next["fields"].as_array_mut().unwrap().push(field);
            next
        };
        let optional = with(json!({"name": "x", "type": ["null", "long"], "default": null}));
        assert_eq!(compatibility(&landed, &optional), Ok(Compatibility::Full), "{name}");

        let required = with(json!({"name": "x", "type": "long"}));
        assert_ne!(compatibility(&landed, &required), Ok(Compatibility::Full), "{name}");

        let mut shorter = landed.clone();
        let removed = shorter["fields"].as_array_mut().unwrap().remove(0);
        assert_eq!(removed.get("default"), None, "{name}");
        assert_ne!(compatibility(&landed, &shorter), Ok(Compatibility::Full), "{name}");

        let mut retyped = landed.clone();
        retyped["fields"][0]["type"] = json!("boolean");
        assert_ne!(compatibility(&landed, &retyped), Ok(Compatibility::Full), "{name}");
    }
}
