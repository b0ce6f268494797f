//! Answers as CSV (RFC 4180), for spreadsheets.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Lists of an answer, of which one becomes the lines.
const LISTS: [&str; 5] = ["rows", "points", "cells", "measures", "values"];
/// Columns that come first.
const FIRST: [&str; 5] = ["key_", "name", "measure", "value", "at"];

/// Returns a line for each row, point, cell, measure or value of an answer, with a header line; one line if it
/// has none of these. Lists within a row are left out.
#[must_use]
pub fn csv(answer: &Value) -> String {
    let list = LISTS.iter().find_map(|name| answer.get(name)?.as_array());
    let whole = [answer.clone()];
    let rows: Vec<Map<String, Value>> =
        list.map_or(&whole[..], Vec::as_slice).iter().map(flat).collect();
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| row.keys()).collect();
    let mut names: Vec<&String> = names.into_iter().collect();
    let place =
        |name: &str| FIRST.iter().position(|first| name.starts_with(first)).unwrap_or(FIRST.len());
    names.sort_by_key(|name| (place(name), (*name).clone()));
    let mut text = line(names.iter().map(|name| cell_of_text(name)));
    for row in &rows {
        text += &line(names.iter().map(|name| row.get(*name).map_or_else(String::new, cell)));
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

/// Joins the names of nested objects with `_`.
fn flat(value: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    add(&mut found, String::new(), value);
    found
}

fn add(found: &mut Map<String, Value>, name: String, value: &Value) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let name =
                    if name.is_empty() { member.clone() } else { format!("{name}_{member}") };
                add(found, name, value);
            }
        }
        Value::Array(_) => {}
        value => {
            found.insert(name, value.clone());
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => cell_of_text(text),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// Returns a text as a cell. A spreadsheet takes a cell that begins with one of these for a formula, so an
/// apostrophe comes before it, as `isobar_harmless` has it.
fn cell_of_text(text: &str) -> String {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_become_lines_with_the_key_first() {
        let answer = json!({"total": {"value": 1}, "rows": [
            {"raw": {"value": 0.5, "lower": null}, "key": {"country": "BR"}, "sparkline": [1, 2]},
            {"raw": {"value": -0.25}, "key": {"country": "a \"b\", c"}},
        ]});
        let expected =
            "key_country,raw_lower,raw_value\r\nBR,,0.5\r\n\"a \"\"b\"\", c\",,-0.25\r\n";
        assert_eq!(csv(&answer), expected);
    }

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"] {
            let answer = json!({"rows": [{"name": text}]});
            let text = csv(&answer);
            let cell = text.lines().nth(1).unwrap_or_default().trim_start_matches('"');
            assert!(cell.starts_with('\''), "{text:?}");
        }
    }

    #[test]
    fn an_answer_without_rows_is_one_line() {
        assert_eq!(csv(&json!({"age_s": 3, "lags": false})), "age_s,lags\r\n3,false\r\n");
    }
}
