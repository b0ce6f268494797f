//! Rules for imports between crates: the table of `docs/architecture.md`, compared with Cargo's
//! metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{files, root};

/// Crates of this workspace that the library of each crate may import.
const MAY: [(&str, &[&str]); 20] = [
    ("schemas", &[]),
    ("service", &["schemas"]),
    ("host", &["service"]),
    ("runtime", &["host", "schemas", "service"]),
    ("statistics", &[]),
    ("ingest", STAGE),
    ("enrich", STAGE),
    ("aggregate", STAGE),
    ("sink", STAGE),
    ("expand", &["schemas"]),
    ("dashboard", &["host", "service", "statistics"]),
    ("deploy", &["runtime", "schemas", "service"]),
    ("world", &["schemas"]),
    ("oracle", &["schemas", "world"]),
    ("stack", &["deploy", "oracle", "runtime", "service", "world"]),
    (
        "torture-sim",
        &["aggregate", "enrich", "ingest", "oracle", "schemas", "service", "sink", "world"],
    ),
    (
        "torture-live",
        &["deploy", "oracle", "runtime", "schemas", "service", "stack", "torture-sim", "world"],
    ),
    ("bench", &["deploy", "oracle", "service", "stack", "world"]),
    (
        "accuracy",
        &["aggregate", "deploy", "enrich", "ingest", "schemas", "service", "stack", "statistics"],
    ),
    ("isobar", ALL),
];

/// `runtime` is only for their programs: see [`stages_know_no_runtime`].
const STAGE: &[&str] = &["runtime", "schemas", "service"];

const ALL: &[&str] = &[
    "accuracy",
    "aggregate",
    "bench",
    "dashboard",
    "deploy",
    "enrich",
    "expand",
    "ingest",
    "oracle",
    "runtime",
    "schemas",
    "service",
    "sink",
    "stack",
    "statistics",
    "torture-live",
    "torture-sim",
    "world",
];

/// Crates of others that would bring I/O, threads or a runtime where none belongs.
const NEVER: [(&str, &[&str]); 11] = [
    ("schemas", IO),
    ("service", IO),
    ("host", &["clickhouse", "rdkafka"]),
    ("statistics", IO),
    ("ingest", IO),
    ("enrich", IO),
    ("aggregate", IO),
    ("sink", &["axum", "rdkafka"]),
    ("expand", IO),
    ("dashboard", &["rdkafka"]),
    ("torture-sim", IO),
];

const IO: &[&str] = &["axum", "clickhouse", "rdkafka", "tokio"];

/// Returns the crates of the workspace.
pub(crate) fn packages() -> Vec<Value> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Returns the names of the crates that each crate of the workspace imports outside of tests.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let imported = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
        normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
    };
    let name = |package: &Value| package["name"].as_str().unwrap().to_owned();
    packages().iter().map(|package| (name(package), imported(package))).collect()
}

#[test]
fn every_crate_imports_only_what_the_table_allows() {
    let imports = imports();
    let named: BTreeSet<_> = MAY.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(imports.keys().cloned().collect::<BTreeSet<_>>(), named, "crates of the table");
    let may = BTreeMap::from(MAY);
    let mut wrong = Vec::new();
    for (name, imported) in &imports {
        let own = imported.iter().filter(|import| imports.contains_key(*import));
        let forbidden = own.filter(|import| !may[name.as_str()].contains(&import.as_str()));
        wrong.extend(forbidden.map(|import| format!("{name} imports {import}")));
    }
    for (name, never) in NEVER {
        let forbidden = never.iter().filter(|import| imports[name].contains(**import));
        wrong.extend(forbidden.map(|import| format!("{name} imports {import}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_command_builds_without_the_laboratory() {
    const LAB: [&str; 7] =
        ["accuracy", "bench", "oracle", "stack", "torture-live", "torture-sim", "world"];
    let packages = packages();
    let isobar = packages.iter().find(|package| package["name"] == "isobar").unwrap();
    let dependencies = isobar["dependencies"].as_array().unwrap().iter();
    let required = dependencies
        .filter(|dependency| dependency["kind"].is_null() && dependency["optional"] == false)
        .map(|dependency| dependency["name"].as_str().unwrap());
    let required: Vec<_> = required.filter(|name| LAB.contains(name)).collect();
    assert!(required.is_empty(), "{required:?} must be optional, behind the feature `lab`");
    assert_eq!(isobar["features"]["default"], serde_json::json!(["lab"]));
    // Crates that the command always needs must not depend on the laboratory.
    let imports = imports();
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = isobar["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|dependency| dependency["kind"].is_null() && dependency["optional"] == false)
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .collect();
    while let Some(name) = open.pop() {
        assert!(!LAB.contains(&name.as_str()), "{name} is reached without the feature `lab`");
        if reached.insert(name.clone()) {
            open.extend(imports.get(&name).into_iter().flatten().cloned());
        }
    }
}

#[test]
fn stages_know_no_runtime() {
    for stage in ["ingest", "enrich", "aggregate", "sink"] {
        for file in files(&root().join(stage).join("src"), "rs") {
            let text = fs::read_to_string(&file).unwrap();
            // `tokio::runtime` is another one.
            let knows = text.lines().any(|line| {
                line.starts_with("use runtime::") || line.trim_start().starts_with("runtime::")
            });
            assert_eq!(knows, file.ends_with("main.rs"), "{}", file.display());
        }
    }
}

#[test]
fn no_module_is_read_from_another_folder_and_none_is_called_mod() {
    for package in packages() {
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        let folders = ["src", "tests"].map(|name| folder.join(name));
        for file in folders.iter().filter(|folder| folder.exists()).flat_map(|it| files(it, "rs")) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.lines().any(|line| line.starts_with("#[path")), "{}", file.display());
            let split = concat!("cfg(feature = ", "\"service\")");
            assert!(!text.lines().any(|line| line.contains(split)), "{}", file.display());
            assert!(!file.ends_with("mod.rs"), "{}", file.display());
        }
    }
}
