//! The documentation matches the code, and its links lead to files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod circles;
mod decisions;
mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use service::{Service, Topic};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns all files under `folder` with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path, extension),
            false if path.extension().is_some_and(|found| found == extension) => vec![path],
            false => Vec::new(),
        })
        .collect()
}

/// Returns the names of metrics in `text`, each between two characters `quote`.
fn metrics(text: &str, quote: char) -> BTreeSet<String> {
    let name = |word: &&str| {
        word.starts_with("isobar_") && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    text.split(quote).filter(name).map(str::to_owned).collect()
}

#[test]
fn the_page_on_metrics_names_all_metrics_and_no_others() {
    let registered: BTreeSet<String> =
        ["service", "runtime", "ingest", "enrich", "aggregate", "sink", "dashboard"]
            .iter()
            .flat_map(|part| files(&root().join(part).join("src"), "rs"))
            .flat_map(|file| metrics(&fs::read_to_string(file).unwrap(), '"'))
            .collect();
    assert!(registered.contains("isobar_records_read_total"));
    let page = fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap();
    assert_eq!(metrics(&page, '`'), registered);
}

#[test]
fn the_page_on_tables_names_every_table_and_view() {
    let page = fs::read_to_string(root().join("docs/reference/tables.md")).unwrap();
    let sql: String = files(&root().join("deploy/clickhouse"), "sql")
        .into_iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let created: Vec<&str> = ["CREATE TABLE IF NOT EXISTS ", "CREATE OR REPLACE VIEW "]
        .iter()
        .flat_map(|create| sql.split(create).skip(1))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    assert!(created.contains(&"samples") && created.contains(&"cells"), "{created:?}");
    for name in created {
        assert!(page.contains(&format!("`{name}`")), "{name} is missing");
    }
}

/// Returns all parts of `text` between `start` and the next `end`.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Vec<&'t str> {
    text.split(start).skip(1).map(|rest| rest.split(end).next().unwrap().trim()).collect()
}

/// Replaces line breaks and repeated spaces by one space.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the statements on the page on tables for a user's own server.
fn statements_on_users() -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/reference/tables.md")).unwrap();
    let section = page.split_once("\n## Users\n").unwrap().1.to_owned();
    let blocks = between(&section, "```sql\n", "```");
    blocks.concat().split(';').map(in_one_line).filter(|text| !text.is_empty()).collect()
}

/// Returns the grants and settings, with constraints, of the local stack's users, which other tests
/// check on the real server.
fn local_users() -> (BTreeSet<String>, BTreeSet<String>) {
    let text = fs::read_to_string(root().join("deploy/clickhouse/users.xml")).unwrap();
    let inner = |text: &str, element: &str| {
        let found = between(text, &format!("<{element}>"), &format!("</{element}>"));
        found.first().map_or(String::new(), |found| (*found).to_owned())
    };
    let (profiles, users) = (inner(&text, "profiles"), inner(&text, "users"));
    let (mut grants, mut settings) = (BTreeSet::new(), BTreeSet::new());
    for user in ["migrate", "sink", "dashboard", "verify"] {
        let granted = inner(&users, user);
        let granted = between(&granted, "<query>", "</query>");
        grants.extend(granted.into_iter().map(|grant| format!("{grant} TO {user}")));
        let profile = inner(&profiles, user);
        let (own, constraints) = profile.split_once("<constraints>").unwrap();
        let values = own.lines().filter_map(|line| {
            let (name, rest) = line.trim().strip_prefix('<')?.split_once('>')?;
            rest.contains("</").then(|| (name, rest.split('<').next().unwrap()))
        });
        // Only users that create tables need limits on them.
        for table in ["merge_tree_disk", "merge_tree_storage_policy"] {
            if user == "migrate" && constraints.contains(&format!("<{table}><readonly/>")) {
                settings.insert(format!("{user}: {table} READONLY"));
            }
        }
        for (name, value) in values {
            let most = format!("<{name}><max>{value}</max></{name}>");
            let most =
                if constraints.contains(&most) { format!(" MAX {value}") } else { String::new() };
            settings.insert(format!("{user}: {name} = {value}{most}"));
        }
    }
    (grants, settings)
}

#[test]
fn the_page_on_tables_has_the_grants_of_the_local_clickhouse() {
    let (mut grants, settings) = local_users();
    // The page also creates the database.
    let creates = "GRANT CREATE DATABASE, CREATE TABLE, ";
    let with = grants.iter().find(|grant| grant.starts_with(creates)).cloned().unwrap();
    grants.remove(&with);
    grants.insert(with.replace(creates, "GRANT CREATE TABLE, "));
    let statements = statements_on_users();
    let stated = statements.iter().filter(|one| one.starts_with("GRANT ")).cloned();
    assert_eq!(stated.collect::<BTreeSet<_>>(), grants);

    let users = statements.iter().filter_map(|one| one.strip_prefix("CREATE USER "));
    let stated = users.flat_map(|user| {
        let (user, settings) = user.split_once(" IDENTIFIED BY '…' SETTINGS ").unwrap();
        settings.split(", ").map(|setting| format!("{user}: {setting}")).collect::<Vec<_>>()
    });
    assert_eq!(stated.collect::<BTreeSet<_>>(), settings);
}

/// Returns the page on settings, generated from the services' types.
fn settings_page() -> String {
    fn of<S: Service>() -> String {
        format!("\n## {}\n\n{}", S::NAME, runtime::settings_reference::<S>())
    }
    let introduction = "\
# Settings

A service reads them from a TOML file (`--config FILE`) and from environment variables, which win.
`isobar-ingest check` reads them, reports all errors at once and connects to nothing;
`check --connect` also tries what they name. This page is made from the types, by
`UPDATE_DOCS=1 cargo test -p isobar --test docs`.
";
    let tls = r#"
## TLS

By default nothing is built that encrypts: Kafka is reached in plain text or with SASL/PLAIN, ClickHouse
by `http://`. `cargo build --release --features tls` adds TLS and SCRAM for Kafka and `https://` for
ClickHouse (`sink.url`, `isobar migrate --clickhouse`). It needs OpenSSL's headers (Debian: `libssl-dev`)
and `pkg-config`.

```toml
[kafka.options]
"security.protocol" = "sasl_ssl"
"ssl.ca.location" = "/etc/isobar/kafka-ca.pem"
"sasl.mechanisms" = "SCRAM-SHA-512"
"sasl.username" = "isobar"
"sasl.password" = "…"
```

Verbs of `isobar` that take `--kafka` (`topics`, `dlq`, `simulate`, `replay`, `demo`, …) take
`--kafka-config FILE`, too: the settings file of any service, of which they read this section alone.
"#;
    [
        introduction,
        &of::<ingest::Ingest>(),
        &of::<enrich::Enrich>(),
        &of::<aggregate::Aggregate>(),
        &of::<sink::Sink>(),
        &format!("\n## {}\n\n{}", dashboard::NAME, dashboard::settings_reference()),
        tls,
    ]
    .concat()
}

#[test]
fn the_page_on_settings_matches_the_types() {
    let (file, page) = (root().join("docs/reference/settings.md"), settings_page());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == page,
        "docs/reference/settings.md is out of date: UPDATE_DOCS=1 cargo test -p isobar --test docs"
    );
}

/// Replaces the rows of the table that begins with `head`.
fn with_rows(page: &str, head: &str, rows: &[(&str, &str)]) -> String {
    let head = format!("| {head} |\n|---|---|\n");
    let (before, rest) = page.split_once(&head).unwrap();
    let after: String =
        rest.split_inclusive('\n').skip_while(|line| line.starts_with('|')).collect();
    let row = |(name, meaning): &(&str, &str)| {
        format!("| `{name}` | {} |\n", meaning.trim().trim_end_matches('.'))
    };
    [before, &head, &rows.iter().map(row).collect::<String>(), &after].concat()
}

#[test]
fn the_page_on_tables_lists_the_measures_with_their_meanings() {
    let measures = schemas::Measures::ALL;
    let measures: Vec<_> = measures.iter().map(|it| (it.name, it.meaning())).collect();
    let (names, meanings) = (schemas::Quantities::NAMES, schemas::Quantities::MEANINGS);
    let quantities: Vec<_> = names.into_iter().zip(meanings).collect();
    let file = root().join("docs/reference/tables.md");
    let page = fs::read_to_string(&file).unwrap();
    let page = with_rows(&page, "column | is", &measures);
    let page = with_rows(&page, "column | is the distribution of", &quantities);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap() == page,
        "docs/reference/tables.md has other measures than schemas/src/measures.rs: \
         UPDATE_DOCS=1 cargo test -p isobar --test docs"
    );
}

#[test]
fn every_link_in_the_documentation_leads_to_a_file() {
    let mut pages = files(&root().join("docs"), "md");
    pages.push(root().join("README.md"));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !link.contains("://") {
                let target = page.parent().unwrap().join(file);
                assert!(target.exists(), "{}: {link}", page.display());
            }
        }
    }
}

/// Returns a row of the table of topics: writers, readers, retention.
fn row_of_topic(topic: Topic) -> [String; 3] {
    let hours = match topic.retention_hours() {
        days if days % 24 == 0 && days > 72 => format!("{} days", days / 24),
        hours => format!("{hours} h"),
    };
    [format!("`{}`", topic.default_name()), topic.readers().join(", "), hours]
}

#[test]
fn the_page_on_topics_matches_the_list_of_topics() {
    let page = fs::read_to_string(root().join("docs/reference/topics.md")).unwrap();
    for topic in Topic::ALL {
        let [name, readers, kept] = row_of_topic(topic);
        let row = page.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let cells: Vec<_> = row.unwrap_or_default().split(" | ").collect();
        assert_eq!(cells.len(), 6, "{name} has no row");
        assert!(cells[2].starts_with(&readers) || readers.is_empty(), "{name}: {readers}");
        let written = topic.writers().iter().all(|writer| cells[1].contains(writer));
        assert!(written || cells[1] == "all services", "{name}: {:?}", topic.writers());
        assert_eq!(cells[5].trim_end_matches(" |"), kept, "{name}");
    }
}
