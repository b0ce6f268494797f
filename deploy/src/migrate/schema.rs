//! Comparison of the tables and views in the files with the existing ones. They differ if tables have an
//! earlier schema or were changed by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use clickhouse::Client;

use super::{FILES, columns, statements};
use crate::failure::{Context, Failure};

/// A difference from the files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A table or view is missing.
    Missing(String),
    /// A column of a table is missing.
    Column {
        /// Table.
        table: String,
        /// Column.
        column: String,
    },
    /// A column of a table has another type.
    Type {
        /// Table.
        table: String,
        /// Column.
        column: String,
        /// Its type.
        is: String,
        /// Its type in the file.
        must_be: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Column { table, column } => write!(f, "{table} has no column {column}"),
            Self::Type { table, column, is, must_be } => {
                write!(f, "{table}.{column} is {is}, must be {must_be}")
            }
        }
    }
}

/// Names and types of columns.
type Columns = BTreeMap<String, String>;

/// Tables with their columns, and views, by name.
#[derive(Debug, Default, PartialEq)]
struct Made {
    tables: BTreeMap<String, Columns>,
    views: BTreeSet<String>,
}

/// Returns the differences between `files` and the client's database.
///
/// # Errors
/// If ClickHouse does not answer.
pub(super) async fn differences(
    client: &Client,
    files: &BTreeSet<&str>,
) -> Result<Vec<Difference>, Failure> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let database = client.database().unwrap_or("default");
    let names = "SELECT name FROM system.tables WHERE database = ?";
    let names = client.query(names).bind(database).fetch_all::<String>().await;
    let names: BTreeSet<String> = names.context("ClickHouse")?.into_iter().collect();
    let columns = "SELECT table, name, type FROM system.columns WHERE database = ?";
    let columns = client.query(columns).bind(database).fetch_all::<(String, String, String)>();
    let mut found: BTreeMap<String, Columns> = BTreeMap::new();
    for (table, column, kind) in columns.await.context("ClickHouse")? {
        found.entry(table).or_default().insert(column, kind);
    }
    let mut made = Made::default();
    for (_, text) in FILES.iter().filter(|(file, _)| files.contains(file)) {
        made.read(&columns::render(text));
    }
    Ok(made.differences(&names, &found))
}

impl Made {
    /// Adds the tables and views of a file.
    fn read(&mut self, text: &str) {
        for statement in statements(text) {
            let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
            let statement = lines.collect::<Vec<_>>().join("\n");
            let statement = statement.trim();
            if let Some(rest) = statement.strip_prefix("CREATE OR REPLACE VIEW ") {
                self.views.extend(rest.split_whitespace().next().map(str::to_owned));
            } else if let Some(rest) = statement.strip_prefix("CREATE TABLE IF NOT EXISTS ") {
                let mut words = rest.split_whitespace();
                let Some(name) = words.next() else { continue };
                let columns = match (words.next(), words.next()) {
                    (Some("AS"), Some(other)) => self.tables.get(other).cloned(),
                    _ => Some(listed(rest)),
                };
                self.tables.insert(name.to_owned(), columns.unwrap_or_default());
            }
        }
    }

    fn differences(
        &self,
        names: &BTreeSet<String>,
        found: &BTreeMap<String, Columns>,
    ) -> Vec<Difference> {
        let all = self.tables.keys().chain(&self.views);
        let missing = all.filter(|name| !names.contains(*name)).cloned();
        let mut differences: Vec<_> = missing.map(Difference::Missing).collect();
        for (table, columns) in &self.tables {
            let Some(found) = found.get(table) else { continue };
            for (column, must_be) in columns {
                let (table, column) = (table.clone(), column.clone());
                match found.get(&column) {
                    None => differences.push(Difference::Column { table, column }),
                    Some(is) if is != must_be => differences.push(Difference::Type {
                        table,
                        column,
                        is: is.clone(),
                        must_be: must_be.clone(),
                    }),
                    Some(_) => {}
                }
            }
        }
        differences
    }
}

/// Returns the columns of a statement: one per line, between the first line that is only a bracket
/// and the next.
fn listed(statement: &str) -> Columns {
    let lines = statement.lines().skip_while(|line| line.trim() != "(").skip(1);
    let lines = lines.take_while(|line| line.trim() != ")").map(str::trim);
    let columns = lines.filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        let is_column = name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || "_0123456789".contains(letter));
        is_column.then(|| (name.to_owned(), kind(rest.trim_start()).to_owned()))
    });
    columns.collect()
}

/// Returns the type at the beginning of `text`: up to a space or comma outside of brackets.
fn kind(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|letter| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0 && (letter == ' ' || letter == ',')
    });
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn made() -> Made {
        let mut made = Made::default();
        FILES.iter().for_each(|(_, text)| made.read(&columns::render(text)));
        made
    }

    #[test]
    fn columns_are_read_from_the_files_with_their_types() {
        let made = made();
        assert_eq!(made.tables["samples"]["end_us"], "DateTime64(6, 'UTC')");
        assert_eq!(made.tables["samples"]["screen_share"], "Nullable(Bool)");
        assert_eq!(
            made.tables["cell_partials"]["poor_us_by_pack"],
            "Map(LowCardinality(String), Int64)"
        );
        assert_eq!(made.tables["blocks"]["version"], "Int64");
        assert_eq!(made.tables["rollup_hours"]["opened"], "SimpleAggregateFunction(max, UInt64)");
        assert_eq!(made.tables["cells_1d"], made.tables["cells_1m"]);
        assert!(made.views.contains("cells") && made.views.contains("league"));
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_named() {
        let made = made();
        let names = made.tables.keys().chain(&made.views).cloned();
        let (mut names, mut found) = (names.collect::<BTreeSet<_>>(), made.tables.clone());
        assert_eq!(made.differences(&names, &found), []);
        names.remove("league");
        let samples = found.get_mut("samples").unwrap();
        samples.remove("codec");
        samples.insert("ssrc".to_owned(), "Int32".to_owned());
        let words: Vec<_> =
            made.differences(&names, &found).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "league is missing",
                "samples has no column codec",
                "samples.ssrc is Int32, must be Int64"
            ]
        );
    }
}
