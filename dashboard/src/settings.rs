//! Section `[dashboard]` of the settings.

use std::fmt;

use clickhouse::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{Check, Problems};

use crate::access::Role;

/// Shortest token, in characters.
const SHORTEST_TOKEN: usize = 24;

/// Section `[dashboard]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DashboardSettings {
    /// ClickHouse's HTTP address. `https://` requires a build with `--features tls`.
    pub url: String,
    /// Database with the views.
    pub database: String,
    /// User that reads the views.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// File that contains its password, instead of `password`.
    pub password_file: String,
    /// Host names, without port, under which browsers reach the service, besides `localhost` and IP
    /// addresses. Requests with another `Host` are refused, so that a page of another site cannot read
    /// figures through a name that it points to this address.
    pub hosts: Vec<String>,
    /// Tokens, each with a role and apps: `[[dashboard.tokens]]`. None, and no `role_header`: everybody
    /// who reaches the address has the role `viewer` for all apps.
    pub tokens: Vec<Token>,
    /// Request header with the role, `viewer` or `participants`, set by a proxy that authenticates users
    /// and removes this header from their requests. Empty: no header is trusted.
    pub role_header: String,
    /// Request header of the same proxy with the apps, separated by commas; `*` for all. Empty: all apps
    /// for everybody that `role_header` names a role for.
    pub apps_header: String,
    /// Queries that run at once. Further ones wait for 10 s, and then get 429.
    pub queries: u32,
    /// Seconds that a query may take.
    pub query_s: u32,
    /// MB (2²⁰ bytes) that ClickHouse may use for a query.
    pub query_mb: u32,
    /// Rows that ClickHouse may read for a query, in millions.
    pub query_million_rows: u32,
    /// Seconds for which an answer to the same question is reused.
    pub reuse_s: u32,
    /// Age of the newest complete minute from which on the page shows that the pipeline lags, seconds.
    pub lag_s: u32,
    /// Addresses of the services' `/metrics` (`host:port`), by name, to show which of them lags.
    pub services: std::collections::BTreeMap<String, String>,
}

/// A token with what it allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Token {
    /// The secret, 24 characters or more.
    pub token: Secret,
    /// The role.
    pub role: Role,
    /// The apps. Empty: all.
    pub apps: Vec<String>,
}

/// A secret, which is not shown where settings are printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns a secret.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Default for DashboardSettings {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "isobar".to_owned(),
            user: "dashboard".to_owned(),
            password: Secret::default(),
            password_file: String::new(),
            hosts: Vec::new(),
            tokens: Vec::new(),
            role_header: String::new(),
            apps_header: String::new(),
            queries: 8,
            query_s: 20,
            query_mb: 1000,
            query_million_rows: 500,
            reuse_s: 10,
            lag_s: 180,
            services: std::collections::BTreeMap::new(),
        }
    }
}

impl DashboardSettings {
    /// Returns a client of the ClickHouse, with limits for every query.
    ///
    /// # Errors
    /// If the file with the password cannot be read.
    pub(crate) fn client(&self) -> std::io::Result<Client> {
        let password = if self.password_file.is_empty() {
            self.password.0.clone()
        } else {
            std::fs::read_to_string(&self.password_file)?.trim_end().to_owned()
        };
        let bytes = u64::from(self.query_mb) << 20;
        let rows = u64::from(self.query_million_rows) * 1_000_000;
        Ok(Client::default()
            .with_url(&self.url)
            .with_database(&self.database)
            .with_user(&self.user)
            .with_password(password)
            .with_setting("max_execution_time", self.query_s.to_string())
            .with_setting("max_memory_usage", bytes.to_string())
            .with_setting("max_rows_to_read", rows.to_string())
            .with_setting("max_result_rows", "200000")
            .with_setting("cancel_http_readonly_queries_on_client_close", "1")
            .with_setting("output_format_json_quote_64bit_integers", "0")
            .with_setting("output_format_json_quote_denormals", "0"))
    }
}

impl Check for DashboardSettings {
    fn check(&self, problems: &mut Problems) {
        let tls = cfg!(feature = "tls") && self.url.starts_with("https://");
        if !tls && !self.url.starts_with("http://") {
            problems.push("url", "must start with http:// (https://: build with --features tls)");
        }
        for (key, value) in [("database", &self.database), ("user", &self.user)] {
            if value.trim().is_empty() {
                problems.push(key, "is empty");
            }
        }
        if !self.password_file.is_empty() && !self.password.0.is_empty() {
            problems.push("password_file", "is given beside password; give one of them");
        }
        for (position, token) in self.tokens.iter().enumerate() {
            if token.token.0.chars().count() < SHORTEST_TOKEN {
                let message =
                    format!("is too short to be a secret; use {SHORTEST_TOKEN} characters or more");
                problems.push(&format!("tokens.{position}.token"), message);
            }
        }
        if self.role_header.is_empty() && !self.apps_header.is_empty() {
            problems.push("apps_header", "is given without role_header; give both");
        }
        for (key, name) in [("role_header", &self.role_header), ("apps_header", &self.apps_header)]
        {
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                problems.push(key, "is no name of a header; use letters, digits and '-'");
            }
        }
        self.check_limits(problems);
    }
}

impl DashboardSettings {
    fn check_limits(&self, problems: &mut Problems) {
        for (key, value, range) in [
            ("queries", self.queries, 1..=256),
            // Those of the user `dashboard` (docs/reference/tables.md).
            ("query_s", self.query_s, 1..=30),
            ("query_mb", self.query_mb, 16..=1430),
            ("query_million_rows", self.query_million_rows, 1..=100_000),
            ("reuse_s", self.reuse_s, 0..=60),
            ("lag_s", self.lag_s, 60..=86_400),
        ] {
            if !range.contains(&value) {
                problems.push(key, format!("must be from {} to {}", range.start(), range.end()));
            }
        }
    }
}
