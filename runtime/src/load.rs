//! Reads settings and finds everything that is wrong with them in one go.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Segment, Track};

use crate::service::Service;
use crate::settings::{Problems, Settings};

/// Variables of the environment that are settings: `ISOBAR_SECTION__KEY`.
const PREFIX: &str = "ISOBAR_";
const SEPARATOR: &str = "__";

/// The name of the environment variable for a setting.
pub(crate) fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join(SEPARATOR).to_uppercase())
}

/// Defaults that depend on the service.
pub(crate) fn defaults<S: Service>() -> Map<String, Value> {
    let listen = format!("127.0.0.1:{}", S::DEFAULT_PORT);
    let mut sections = Map::new();
    set(&mut sections, &["server", "listen"], Value::String(listen));
    set(&mut sections, &["kafka", "group"], Value::String(format!("isobar-{}", S::NAME)));
    sections
}

/// Settings of `S`: defaults, under the TOML `file`, under the environment's `variables`.
///
/// # Errors
/// All that is wrong: syntax, types, unknown keys, and what the sections' own checks find.
pub(crate) fn load<S: Service>(
    file: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings<S::Settings>, Problems> {
    let mut problems = Problems::default();
    let mut sections = defaults::<S>();
    match toml::from_str::<Map<String, Value>>(file) {
        Ok(read) => overlay(&mut sections, read),
        Err(error) => problems.push("", format!("not TOML: {error}")),
    }
    let from_environment = overlay_variables(&mut sections, variables);

    let mut sections = Sections { sections, from_environment, problems: &mut problems };
    let settings = Settings {
        kafka: sections.take("kafka"),
        topics: sections.take("topics"),
        server: sections.take("server"),
        log: sections.take("log"),
        limits: sections.take("limits"),
        service: sections.take::<S::Settings>(S::NAME),
    };
    sections.refuse_rest();
    problems.check("kafka", &settings.kafka);
    problems.check("topics", &settings.topics);
    problems.check("limits", &settings.limits);
    problems.check(S::NAME, &settings.service);
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn set(sections: &mut Map<String, Value>, path: &[&str], value: Value) {
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

struct Sections<'a> {
    sections: Map<String, Value>,
    from_environment: BTreeSet<Vec<String>>,
    problems: &'a mut Problems,
}

impl Sections<'_> {
    /// Takes a section out, dropping one offending key after the other until what is left is good.
    fn take<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
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

    /// A string from the environment that is not wanted as a string is read as JSON, once.
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

    fn refuse_rest(&mut self) {
        for name in self.sections.keys() {
            self.problems.push(name, "unknown section; remove it or correct its name");
        }
    }
}

/// The map keys of a path, down to the first position in a list: what can be dropped without
/// moving anything else.
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
