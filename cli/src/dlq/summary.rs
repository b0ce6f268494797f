//! `isobar dlq ls`: counts dead letters by kind, with the times of the first and the last.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};
use deploy::failure::{Context as _, Failure};
use serde::Serialize;
use service::harmless;

use super::filter::{Filter, shown};
use super::letter::{self, Letter, Passed};
use super::selection::Access;

/// Counts of dead letters.
#[derive(Debug, Default)]
pub(super) struct Summary {
    kinds: BTreeMap<Kind, Count>,
    passed: Passed,
}

/// Key of a count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Kind {
    stage: String,
    reason: String,
    topic: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Count {
    letters: u64,
    payload_bytes: u64,
    first_ms: i64,
    last_ms: i64,
}

/// Counts the letters that `filter` keeps.
pub(super) fn read(access: &Access, filter: &Filter) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    summary.passed = letter::read(access, filter.since, |letter, _| {
        if filter.keeps(&letter) {
            summary.count(&letter);
        }
        Ok(true)
    })?;
    Ok(summary)
}

impl Summary {
    fn count(&mut self, letter: &Letter) {
        let kind = Kind {
            stage: letter.stage.clone(),
            reason: letter.reason.clone(),
            topic: letter.source.topic.clone(),
        };
        let at_ms = letter.given_up_ms;
        let none = Count { letters: 0, payload_bytes: 0, first_ms: at_ms, last_ms: at_ms };
        let count = self.kinds.entry(kind).or_insert(none);
        count.letters += 1;
        count.payload_bytes += letter.payload_bytes as u64;
        count.first_ms = count.first_ms.min(at_ms);
        count.last_ms = count.last_ms.max(at_ms);
    }

    /// Returns the counts as a table.
    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["stage", "reason", "from", "letters", "bytes", "first", "last"]);
        for (kind, count) in &self.kinds {
            table.add_row([
                harmless(&kind.stage).into_owned(),
                harmless(&kind.reason).into_owned(),
                harmless(&kind.topic).into_owned(),
                count.letters.to_string(),
                count.payload_bytes.to_string(),
                shown(count.first_ms),
                shown(count.last_ms),
            ]);
        }
        for column in [3, 4] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = match self.kinds.is_empty() {
            true => "no dead letters".to_owned(),
            false => table.trim_fmt(),
        };
        if self.passed.unreadable > 0 {
            text += &format!("\n{} records that are no dead letters", self.passed.unreadable);
        }
        text
    }

    /// Returns the counts as JSON.
    pub(super) fn json(&self) -> Result<String, Failure> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(flatten)]
            kind: &'a Kind,
            #[serde(flatten)]
            count: &'a Count,
        }
        let rows: Vec<_> = self.kinds.iter().map(|(kind, count)| Row { kind, count }).collect();
        serde_json::to_string(&rows).context("JSON")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn letters_are_counted_by_stage_reason_and_topic() {
        let mut summary = Summary::default();
        for (offset, reason) in [(5, "late"), (4, "too_large"), (9, "late")] {
            summary.count(&letter(offset, reason));
        }
        let rows: serde_json::Value = serde_json::from_str(&summary.json().unwrap()).unwrap();
        assert_eq!(rows.as_array().unwrap().len(), 2);
        assert_eq!(rows[0]["reason"], "late");
        assert_eq!((&rows[0]["letters"], &rows[0]["payload_bytes"]), (&2.into(), &14.into()));
        let ms = letter(5, "").given_up_ms;
        assert_eq!((&rows[0]["first_ms"], &rows[0]["last_ms"]), (&ms.into(), &(ms + 4000).into()));
        assert!(summary.table().contains("too_large"), "{}", summary.table());
        summary.count(&letter(6, "\x1b[8m\u{202e}\n"));
        let table = summary.table();
        assert_eq!(table, service::harmless_lines(&table), "a terminal obeys it");
        assert_eq!(table.lines().count(), 4, "{table}");
        assert_eq!(Summary::default().table(), "no dead letters");
    }
}
