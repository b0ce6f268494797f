//! Settings files and the environment, read section by section, with all errors reported at once.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Segment, Track};
use service::Problems;

/// Variables of the environment that are settings: `ISOBAR_SECTION__KEY`.
const PREFIX: &str = "ISOBAR_";
const SEPARATOR: &str = "__";

/// Returns the name of the environment variable for a setting.
pub fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join(SEPARATOR).to_uppercase())
}

/// Reads the settings file at `path`.
///
/// # Errors
/// If it cannot be read.
pub fn text_of(path: &Path) -> Result<String, Problems> {
    std::fs::read_to_string(path).map_err(|error| {
        let mut problems = Problems::default();
        problems.push("", format!("{} cannot be read: {error}", path.display()));
        problems
    })
}

/// Returns the environment variables of this process that are UTF-8.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Sets the value at a path of keys.
pub fn set(sections: &mut Map<String, Value>, path: &[&str], value: Value) {
    let nested = path
        .iter()
        .rev()
        .fold(value, |value, key| Value::Object(Map::from_iter([((*key).to_owned(), value)])));
    if let Value::Object(nested) = nested {
        overlay(sections, nested);
    }
}

fn overlay(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => overlay(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Returns the paths that came from the environment: only there may a string stand for a number.
fn overlay_variables(
    sections: &mut Map<String, Value>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> BTreeSet<Vec<String>> {
    let mut paths = BTreeSet::new();
    for (name, value) in variables {
        let Some(name) = name.strip_prefix(PREFIX).filter(|name| name.contains(SEPARATOR)) else {
            continue;
        };
        let path = name.split(SEPARATOR).map(str::to_lowercase).collect::<Vec<_>>();
        let keys = path.iter().map(String::as_str).collect::<Vec<_>>();
        set(sections, &keys, Value::String(value));
        paths.insert(path);
    }
    paths
}

/// The sections of a settings file with the environment over them.
pub struct Sections<'a> {
    sections: Map<String, Value>,
    from_environment: BTreeSet<Vec<String>>,
    problems: &'a mut Problems,
}

impl<'a> Sections<'a> {
    /// Merges `file` over `defaults`, and the environment's `variables` over both.
    pub fn read(
        defaults: Map<String, Value>,
        file: &str,
        variables: impl IntoIterator<Item = (String, String)>,
        problems: &'a mut Problems,
    ) -> Self {
        let mut sections = defaults;
        match toml::from_str::<Map<String, Value>>(file) {
            Ok(read) => overlay(&mut sections, read),
            Err(error) => problems.push("", format!("not TOML: {error}")),
        }
        let from_environment = overlay_variables(&mut sections, variables);
        Self { sections, from_environment, problems }
    }

    /// Removes and deserializes a section. Drops one wrong key after the other, so that all are reported.
    pub fn take<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let mut value = self.sections.remove(name).unwrap_or_else(|| Value::Object(Map::new()));
        loop {
            let mut unknown = Vec::new();
            let mut track = Track::new();
            let tracked = serde_path_to_error::Deserializer::new(&value, &mut track);
            let read = serde_ignored::deserialize(tracked, |path| {
                unknown.push(path.to_string().replace(".?", ""));
            });
            let error: serde_json::Error = match read {
                Ok(section) => {
                    for key in unknown {
                        self.report(name, &key, "unknown key; remove it or correct its name");
                    }
                    return section;
                }
                Err(error) => error,
            };
            let path = keys(&track.path());
            if self.reinterpret(name, &path, &mut value) {
                continue;
            }
            self.report(name, &path.join("."), &error.to_string());
            if !remove(&mut value, &path) {
                return T::default();
            }
        }
    }

    fn report(&mut self, section: &str, path: &str, message: &str) {
        let full = std::iter::once(section).chain(path.split('.')).map(str::to_owned);
        let full = full.collect::<Vec<_>>();
        let origin = if self.from_environment.contains(&full) {
            format!(" (from {})", variable(&full))
        } else {
            String::new()
        };
        self.problems.within(section, |problems| {
            problems.push(path, format!("{message}{origin}"));
        });
    }

    /// Parses a string from the environment as JSON, once, if the setting is not a string.
    fn reinterpret(&mut self, section: &str, path: &[String], value: &mut Value) -> bool {
        let full: Vec<_> =
            std::iter::once(section.to_owned()).chain(path.iter().cloned()).collect();
        let found = path.iter().try_fold(value, |value, key| value.get_mut(key));
        let Some(Value::String(text)) = found.as_deref() else {
            return false;
        };
        match serde_json::from_str::<Value>(text) {
            Ok(parsed) if !parsed.is_string() && self.from_environment.contains(&full) => {
                found.into_iter().for_each(|found| *found = parsed.clone());
                true
            }
            _ => false,
        }
    }

    /// Reports the sections that were not taken.
    pub fn refuse_rest(&mut self) {
        for name in self.sections.keys() {
            self.problems.push(name, "unknown section; remove it or correct its name");
        }
    }
}

/// Returns the map keys of a path, down to the first position in a list: what can be dropped without moving
/// anything else.
fn keys(path: &serde_path_to_error::Path) -> Vec<String> {
    path.iter()
        .take_while(|segment| !matches!(segment, Segment::Seq { .. }))
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        })
        .collect()
}

fn remove(value: &mut Value, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    let parent = parents.iter().try_fold(value, |value, key| value.get_mut(key));
    parent.and_then(Value::as_object_mut).is_some_and(|parent| parent.remove(last).is_some())
}
