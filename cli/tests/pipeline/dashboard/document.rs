//! Answers and the OpenAPI document, and answers as tables.

use serde_json::{Map, Value};

use super::{Api, VIEWER};

/// A question to each endpoint that answers in JSON.
pub(super) const QUESTIONS: [(&str, &str); 11] = [
    ("summary", "range=24h"),
    ("breakdown", "by=provider&country=BR&range=24h&sparkline=1&weights=1"),
    ("breakdown", "by=country&range=24h&measure=round_trip_p95"),
    ("series", "range=24h&country=BR"),
    ("heat", "range=24h"),
    ("compare", "range=24h&a.country=BR&b.country=DE&weights=1"),
    ("distribution", "range=24h"),
    ("changes", "range=24h"),
    ("values", "of=provider&range=24h"),
    ("freshness", ""),
    ("me", ""),
];

/// Compares answers with the schemas of the OpenAPI document.
pub(super) fn answers_are_as_the_document_says(api: &Api) {
    let (_, document) = api.get("openapi.json");
    for (path, query) in QUESTIONS {
        let (status, answer) = api.get(&format!("{path}?{query}"));
        assert_eq!(status, 200, "{path} {answer:#}");
        let schema = document["paths"][format!("/api/v1/{path}")]["get"]["responses"]["200"]["content"]
            ["application/json"]["schema"]
            .clone();
        let mut wrong = Vec::new();
        compare(&document, &schema, &answer, path, &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Adds what of `value` is not as `schema` says: types, missing and unknown members.
fn compare(document: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document.pointer(reference.trim_start_matches('#')).unwrap();
        return compare(document, found, value, at, wrong);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| {
            let mut wrong = Vec::new();
            compare(document, choice, value, at, &mut wrong);
            wrong.is_empty()
        });
        return if !fits {
            wrong.push(format!("{at}: {value} fits none of {schema}"))
        };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let fits = types.contains(&kind) || kind == "integer" && types.contains(&"number");
    if !types.is_empty() && !fits {
        wrong.push(format!("{at}: {kind} instead of {types:?}"));
    }
    for (position, item) in value.as_array().into_iter().flatten().enumerate() {
        compare(document, &schema["items"], item, &format!("{at}.{position}"), wrong);
    }
    let none = Map::new();
    let (members, properties) =
        (value.as_object().unwrap_or(&none), schema["properties"].as_object().unwrap_or(&none));
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && !members.contains_key(name) {
            wrong.push(format!("{at}: no {name}"));
        }
    }
    for (name, member) in members {
        match properties.get(name) {
            Some(property) => compare(document, property, member, &format!("{at}.{name}"), wrong),
            None if properties.is_empty() => {}
            None => wrong.push(format!("{at}: {name} is not in the document")),
        }
    }
}

/// Asks every endpoint for a table: each line has as many cells as the first, and the rows are those of JSON.
pub(super) fn every_answer_is_a_table_as_well(api: &Api) {
    for (path, query) in QUESTIONS {
        let (_, answer) = api.get(&format!("{path}?{query}"));
        let lists = ["rows", "points", "cells", "measures", "values"];
        let list = lists.iter().find_map(|name| answer[name].as_array());
        let rows = list.map_or(1, Vec::len);
        let path = format!("/api/v1/{path}?{query}&format=csv");
        let (status, head, text) = api.text(VIEWER, &path);
        assert_eq!(status, 200, "{path} {text}");
        assert!(head.contains("content-type: text/csv"), "{path} {head}");
        let lines = lines(&text);
        assert_eq!(lines.len(), if rows == 0 { 1 } else { rows + 1 }, "{path} {text}");
        assert!(lines.iter().all(|cells| *cells == lines[0]), "{path} {lines:?} {text}");
        assert!(rows == 0 || lines[0] > 1, "{path} {text}");
    }
    let accept =
        format!("Host: {}\r\nCookie: isobar_token={VIEWER}\r\nAccept: text/csv\r\n", api.address);
    let (status, head, _) = api.send("GET", "/api/v1/series?range=24h", &accept);
    assert!(status == 200 && head.contains("text/csv"), "{head}");
}

/// Returns the number of cells of each line (RFC 4180).
fn lines(text: &str) -> Vec<usize> {
    let (mut lines, mut cells, mut is_quoted) = (Vec::new(), 1, false);
    for one in text.chars() {
        match one {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells += 1,
            '\n' if !is_quoted => {
                lines.push(cells);
                cells = 1;
            }
            _ => {}
        }
    }
    lines
}
