//! The HTTP server: who asks, from where, and what for.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use prometheus::{IntCounterVec, Opts, Registry};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::{Access, Credentials, Role};
use crate::answers::{Me, MeasureView};
use crate::api::{Endpoint, openapi};
use crate::ask::Asker;
use crate::comparison::Q;
use crate::csv::csv;
use crate::dimension::Dimension;
use crate::endpoints::BreakdownOptions;
use crate::filter::{Question, RANGES};
use crate::fold::MINIMUM;
use crate::freshness::Watch;
use crate::lattice;
use crate::league::Sort;
use crate::measure::{Measure, SKETCHES};
use crate::page;
use crate::problem::Problem;
use crate::query::Query;
use crate::settings::DashboardSettings;
use crate::store::Store;

/// Listeners of `/api/v1/live` at a time.
const MOST_LISTENERS: usize = 64;
/// Interval between two events.
const EVERY: Duration = Duration::from_secs(5);

const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; object-src 'none'";

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) settings: DashboardSettings,
    pub(crate) store: Arc<Store>,
    pub(crate) watch: Arc<Watch>,
    listeners: Arc<Semaphore>,
    requests: IntCounterVec,
}

impl Shared {
    pub(crate) fn new(
        settings: DashboardSettings,
        store: Arc<Store>,
        watch: Arc<Watch>,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("isobar_dashboard_requests_total", "Requests, by endpoint and status."),
            &["endpoint", "status"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        let listeners = Arc::new(Semaphore::new(MOST_LISTENERS));
        Ok(Self { settings, store, watch, listeners, requests })
    }
}

/// Returns the routes of the API and of the page.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let path = request.uri.path().to_owned();
    let endpoint = path.strip_prefix("/api/v1/").map(Endpoint::at);
    let label = match endpoint {
        Some(Some(endpoint)) => endpoint.path(),
        Some(None) => "unknown",
        None => "page",
    };
    let answer = match check(&shared.settings, &request) {
        Err(problem) => Err(problem),
        Ok(()) => match endpoint {
            Some(Some(endpoint)) => api(&shared, endpoint, &request).await,
            Some(None) => Err(Problem::not_found()),
            None if path.starts_with("/api") => Err(Problem::not_found()),
            None => file(&path),
        },
    };
    let mut response = answer.unwrap_or_else(|problem| refusal(&problem));
    let status = response.status().as_u16().to_string();
    shared.requests.with_label_values(&[label, &status]).inc();
    secure(response.headers_mut());
    if request.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Refuses other methods, bodies, and names that this service is not known by.
fn check(settings: &DashboardSettings, request: &Parts) -> Result<(), Problem> {
    let headers = &request.headers;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| is_own(host, &settings.hosts)) {
        return Err(Problem::host());
    }
    if ![Method::GET, Method::HEAD].contains(&request.method) {
        return Err(Problem::method());
    }
    let length = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if length || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Problem::parameter("", "a request has no body"));
    }
    Ok(())
}

/// Returns whether `host`, with or without a port, is an address, `localhost` or one of the settings. Another
/// name may have been pointed to this address by a page of another site.
fn is_own(host: &str, hosts: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn refusal(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = serde_json::to_string(problem).unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response = (status, kind, text).into_response();
    let extra = match problem.status {
        401 => Some((header::WWW_AUTHENTICATE, "Bearer")),
        405 => Some((header::ALLOW, "GET, HEAD")),
        429 => Some((header::RETRY_AFTER, "1")),
        _ => None,
    };
    if let Some((name, value)) = extra {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file(path: &str) -> Result<Response, Problem> {
    let file = page::file(path).ok_or_else(Problem::not_found)?;
    let kept = if file.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, file.kind), (header::CACHE_CONTROL, kept)];
    Ok((headers, file.content).into_response())
}

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

async fn api(shared: &Shared, endpoint: Endpoint, request: &Parts) -> Result<Response, Problem> {
    let access = access(&shared.settings, &request.headers)?;
    let raw = request.uri.query().unwrap_or_default();
    let asked = Asked { shared, access, now: now(), wants_csv: wants_csv(&request.headers) };
    match endpoint {
        Endpoint::Live => live(shared, raw),
        Endpoint::Compare => asked.compare(raw).await,
        endpoint => {
            let query = Query::parse(raw, endpoint.own_parameters())?;
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
        Asker { store: Arc::clone(&self.shared.store), role: self.access.role, now: self.now }
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
            ranges: RANGES.map(|(name, _)| name).to_vec(),
            version: env!("CARGO_PKG_VERSION"),
        }
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

/// A listener of `/api/v1/live`.
struct Listener {
    watch: Arc<Watch>,
    minute: Option<String>,
    /// The event that follows at once.
    next: Option<Event>,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

fn live(shared: &Shared, raw: &str) -> Result<Response, Problem> {
    if !raw.is_empty() {
        return Err(Problem::parameter("", "this path has no parameters"));
    }
    let place = Arc::clone(&shared.listeners).try_acquire_owned().map_err(|_| Problem::busy())?;
    let watch = Arc::clone(&shared.watch);
    let listener = Listener { watch, minute: None, next: None, is_first: true, _place: place };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.event().await;
        Some((Ok::<_, Infallible>(event), listener))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new()).into_response())
}

impl Listener {
    async fn event(&mut self) -> Event {
        if let Some(event) = self.next.take() {
            return event;
        }
        if !std::mem::take(&mut self.is_first) {
            tokio::time::sleep(EVERY).await;
        }
        let freshness = match self.watch.freshness(now()) {
            Ok(freshness) => freshness,
            Err(problem) => return Event::default().event("problem").data(text(&problem)),
        };
        if freshness.newest_minute != self.minute {
            self.minute.clone_from(&freshness.newest_minute);
            let minute = serde_json::json!({ "newest_minute": self.minute });
            self.next = Some(Event::default().event("minute").data(minute.to_string()));
        }
        Event::default().event("freshness").retry(EVERY).data(text(&freshness))
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_may_point_here_are_refused() {
        let hosts = ["quality.example.com".to_owned()];
        for own in [
            "127.0.0.1:9605",
            "[::1]:9605",
            "localhost",
            "LOCALHOST:80",
            "10.0.0.7",
            "Quality.example.com:443",
        ] {
            assert!(is_own(own, &hosts), "{own}");
        }
        for other in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9605", "", ":80"]
        {
            assert!(!is_own(other, &hosts), "{other}");
        }
    }
}
