//! Tables of settings, generated from their types.

use std::fmt::Write as _;

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::sections::variable;

/// First lines of a Markdown table of settings: key, type, default, environment variable, meaning.
pub const HEADER: &str =
    "| key | type | default | environment | meaning |\n|---|---|---|---|---|\n";

/// Adds the rows of the section `name` to `table`. `own` has the defaults that depend on the service.
pub fn section<T: JsonSchema + Default + Serialize>(
    table: &mut String,
    name: &str,
    own: &Map<String, Value>,
) {
    let schema = schema_for!(T).to_value();
    let mut values = serde_json::to_value(T::default()).unwrap_or_default();
    if let (Value::Object(values), Some(Value::Object(own))) = (&mut values, own.get(name)) {
        values.extend(own.clone());
    }
    rows(table, &mut vec![name.to_owned()], &schema, &schema, &values);
}

fn rows(table: &mut String, path: &mut Vec<String>, root: &Value, schema: &Value, value: &Value) {
    let properties = resolve(root, schema).get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        path.push(key.clone());
        let default = value.get(key).unwrap_or(&Value::Null);
        let resolved = resolve(root, property);
        if resolved.get("properties").is_some() {
            rows(table, path, root, resolved, default);
        } else {
            row(table, path, kind(root, property), default, description(property, resolved));
        }
        path.pop();
    }
}

fn row(table: &mut String, path: &[String], kind: String, default: &Value, meaning: String) {
    let cells = [
        format!("`{}`", path.join(".")),
        kind,
        if default.is_null() { "–".to_owned() } else { format!("`{default}`") },
        format!("`{}`", variable(path)),
        meaning,
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    // Writing to a string cannot fail.
    let _ = writeln!(table, "| {} |", cells.join(" | "));
}

fn description(property: &Value, resolved: &Value) -> String {
    let text = property.get("description").or_else(|| resolved.get("description"));
    text.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Follows a `$ref`, also one that is wrapped in an `allOf` or an optional `anyOf`.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let wrapped = schema.get("allOf").or_else(|| schema.get("anyOf")).and_then(|all| all.get(0));
    let schema = wrapped.unwrap_or(schema);
    let target = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|name| root.pointer(name.trim_start_matches('#')));
    target.unwrap_or(schema)
}

fn kind(root: &Value, schema: &Value) -> String {
    let schema = resolve(root, schema);
    if let Some(choices) = choices(schema) {
        return choices.join(" or ");
    }
    let named = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).unwrap_or("any"),
        _ => "any",
    };
    match (named, schema.get("items"), schema.get("additionalProperties")) {
        ("array", Some(items), _) => format!("list of {}", kind(root, items)),
        ("object", _, Some(values)) if values.is_object() => {
            format!("table of {}", kind(root, values))
        }
        _ => named.to_owned(),
    }
}

/// Returns the values of an enumeration, with or without documentation of each.
fn choices(schema: &Value) -> Option<Vec<String>> {
    let of = |list: &Value| list.as_array().map(|list| list.iter().map(quoted).collect());
    if let Some(list) = schema.get("enum") {
        return of(list);
    }
    let variants = schema.get("oneOf")?.as_array()?;
    variants.iter().map(|variant| variant.get("const").map(quoted)).collect()
}

fn quoted(value: &Value) -> String {
    format!("`{value}`")
}
