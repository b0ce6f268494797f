//! One request of the API: who asks, what for, and the answer as JSON or CSV.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::Value;

use crate::access::{Access, Credentials, Role};
use crate::answers::{Me, MeasureView};
use crate::api::{Endpoint, openapi};
use crate::ask::Asker;
use crate::comparison::Q;
use crate::csv::csv;
use crate::dimension::Dimension;
use crate::endpoints::BreakdownOptions;
use crate::filter::{MINUTES, Question, RANGES};
use crate::fold::MINIMUM;
use crate::lattice;
use crate::league::Sort;
use crate::live::live;
use crate::measure::{Measure, SKETCHES};
use crate::problem::Problem;
use crate::query::Query;
use crate::server::Shared;
use crate::settings::DashboardSettings;

/// Returns what the request may see.
fn access(settings: &DashboardSettings, headers: &HeaderMap) -> Result<Access, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let mut cookies = text("cookie").unwrap_or_default().split(';');
    let cookie = cookies.find_map(|cookie| cookie.trim().strip_prefix("isobar_token="));
    let named = |name: &str| if name.is_empty() { None } else { text(name) };
    let credentials = Credentials {
        token: bearer.or(cookie),
        role: named(&settings.role_header),
        apps: named(&settings.apps_header),
    };
    Access::of(settings, credentials).ok_or_else(Problem::unauthorized)
}

/// Answers a request of an endpoint.
pub(crate) async fn api(
    shared: &Shared,
    endpoint: Endpoint,
    request: &Parts,
) -> Result<Response, Problem> {
    let access = access(&shared.settings, &request.headers)?;
    let raw = request.uri.query().unwrap_or_default();
    let asked = Asked { shared, access, now: now(), wants_csv: wants_csv(&request.headers) };
    match endpoint {
        Endpoint::Live => live(shared, raw),
        Endpoint::Compare => asked.compare(raw).await,
        endpoint => {
            let query = match endpoint.has_filter() {
                true => Query::parse(raw, endpoint.own_parameters())?,
                false => Query::parse_format(raw)?,
            };
            asked.endpoint(endpoint, &query).await
        }
    }
}

/// Returns the time, seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.starts_with("text/csv"))
}

/// A request whose sender is known.
struct Asked<'a> {
    shared: &'a Shared,
    access: Access,
    now: i64,
    wants_csv: bool,
}

impl Asked<'_> {
    async fn endpoint(&self, endpoint: Endpoint, query: &Query) -> Result<Response, Problem> {
        let asker = self.asker();
        match endpoint {
            Endpoint::Summary => {
                self.reply(query, &asker.summary(&self.question(query, None)?).await?)
            }
            Endpoint::Breakdown => self.breakdown(query).await,
            Endpoint::Series => {
                self.reply(query, &asker.series(&self.question(query, None)?).await?)
            }
            Endpoint::Heat => self.reply(query, &asker.heat(&self.question(query, None)?).await?),
            Endpoint::Distribution => {
                let of = one_of(query, "of", &SKETCHES, SKETCHES[0])?;
                self.reply(query, &asker.distribution(&self.question(query, None)?, of).await?)
            }
            Endpoint::Changes => {
                let limit = query.number("limit", 20, 1, 100)?;
                let question = self.question(query, Some(Dimension::Provider))?;
                self.reply(query, &asker.changes(&question, limit).await?)
            }
            Endpoint::Values => {
                let limit = query.number("limit", 100, 1, 1000)?;
                let of = dimension(query, "of")?;
                let question = self.question(query, Some(of))?;
                let prefix = query.get("q").unwrap_or_default();
                self.reply(query, &asker.values(&question, of, prefix, limit).await?)
            }
            Endpoint::Freshness => self.reply(query, &self.shared.watch.freshness(self.now)?),
            Endpoint::Me => self.reply(query, &self.me()),
            Endpoint::OpenApi | Endpoint::Compare | Endpoint::Live => Ok(json(&openapi())),
        }
    }

    fn asker(&self) -> Asker {
        Asker {
            store: Arc::clone(&self.shared.store),
            role: self.access.role,
            now: self.now,
            read: Arc::default(),
        }
    }

    fn question(&self, query: &Query, by: Option<Dimension>) -> Result<Question, Problem> {
        let question = Question::read(query, &self.access, self.now)?;
        lattice::check(self.access.role, &question.filter, by)?;
        Ok(question)
    }

    async fn breakdown(&self, query: &Query) -> Result<Response, Problem> {
        let by = dimension(query, "by")?;
        let sort = match one_of(query, "sort", &["harm", "value", "sessions", "name"], "harm")? {
            "value" => Sort::Value,
            "sessions" => Sort::Sessions,
            "name" => Sort::Name,
            _ => Sort::Harm,
        };
        let options = BreakdownOptions {
            limit: query.number("limit", 200, 1, 1000)?,
            sort,
            sparkline: query.switch("sparkline")?,
            weights: query.switch("weights")?,
        };
        let question = self.question(query, Some(by))?;
        self.reply(query, &self.asker().breakdown(&question, by, options).await?)
    }

    async fn compare(&self, raw: &str) -> Result<Response, Problem> {
        let (a_query, b_query) = Query::parse_pair(raw)?;
        let (a, b) = (self.question(&a_query, None)?, self.question(&b_query, None)?);
        let weights = a_query.switch("weights")?;
        self.reply(&a_query, &self.asker().compare(&a, &b, weights).await?)
    }

    fn me(&self) -> Me {
        let measure = |measure: Measure| MeasureView {
            name: measure,
            unit: measure.unit(),
            adjusted: measure.is_adjusted(),
            higher_is_worse: measure.higher_is_worse(),
        };
        Me {
            role: self.access.role,
            apps: self.access.apps.clone(),
            dimensions: Dimension::ALL.to_vec(),
            measures: Measure::ALL.map(measure).to_vec(),
            minimum_sessions: if self.access.role == Role::Viewer { MINIMUM } else { 1 },
            q: Q,
            ranges: self.ranges(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn ranges(&self) -> Vec<&'static str> {
        let minutes = Some(MINUTES).filter(|_| self.access.role == Role::Participants);
        minutes.into_iter().chain(RANGES).map(|(name, _)| name).collect()
    }

    fn reply(&self, query: &Query, answer: &impl Serialize) -> Result<Response, Problem> {
        let default = if self.wants_csv { "csv" } else { "json" };
        let format = one_of(query, "format", &["json", "csv"], default)?;
        let answer = serde_json::to_value(answer)
            .map_err(|error| Problem::unavailable(error.to_string()))?;
        if format == "json" {
            return Ok(json(&answer));
        }
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"isobar.csv\""),
        ];
        Ok((headers, csv(&answer)).into_response())
    }
}

fn json(answer: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

fn dimension(query: &Query, name: &str) -> Result<Dimension, Problem> {
    let wrong = || {
        let names = Dimension::ALL.map(Dimension::name).join(", ");
        Problem::parameter(name, format!("`{name}` must be one of {names}"))
    };
    query.get(name).and_then(Dimension::named).ok_or_else(wrong)
}

fn one_of(
    query: &Query,
    name: &str,
    values: &[&'static str],
    default: &'static str,
) -> Result<&'static str, Problem> {
    let Some(given) = query.get(name) else { return Ok(default) };
    let found = values.iter().find(|value| **value == given).copied();
    found.ok_or_else(|| {
        Problem::parameter(name, format!("`{name}` must be one of {}", values.join(", ")))
    })
}
