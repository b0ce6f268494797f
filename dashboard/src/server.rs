//! The HTTP server: what is refused before it is read, and on which thread the rest is answered.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use prometheus::{IntCounterVec, Opts, Registry};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::api::Endpoint;
use crate::freshness::Watch;
use crate::page;
use crate::problem::Problem;
use crate::request::api;
use crate::settings::DashboardSettings;
use crate::store::Store;

/// Listeners of `/api/v1/live` at a time.
const MOST_LISTENERS: usize = 64;
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; object-src 'none'";

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) settings: DashboardSettings,
    pub(crate) store: Arc<Store>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) listeners: Arc<Semaphore>,
    requests: IntCounterVec,
    /// The threads that compute answers.
    workers: Handle,
}

impl Shared {
    pub(crate) fn new(
        settings: DashboardSettings,
        store: Arc<Store>,
        watch: Arc<Watch>,
        registry: &Registry,
        workers: Handle,
    ) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("isobar_dashboard_requests_total", "Requests, by endpoint and status."),
            &["endpoint", "status"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        let listeners = Arc::new(Semaphore::new(MOST_LISTENERS));
        Ok(Self { settings, store, watch, listeners, requests, workers })
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
    let is_head = request.method == Method::HEAD;
    let answer = match check(&shared.settings, &request) {
        Err(problem) => Err(problem),
        Ok(()) => match endpoint {
            Some(Some(endpoint)) => aside(&shared, endpoint, request).await,
            Some(None) => Err(Problem::not_found()),
            None if path.starts_with("/api") => Err(Problem::not_found()),
            None => file(&path),
        },
    };
    let mut response = answer.unwrap_or_else(|problem| refusal(&problem));
    let status = response.status().as_u16().to_string();
    shared.requests.with_label_values(&[label, &status]).inc();
    secure(response.headers_mut());
    if is_head {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Computes an answer on the workers, because the thread of the connections serves health as well. The work ends
/// with the request that waits for it.
async fn aside(
    shared: &Arc<Shared>,
    endpoint: Endpoint,
    request: Parts,
) -> Result<Response, Problem> {
    let mut work = JoinSet::new();
    let own = Arc::clone(shared);
    work.spawn_on(async move { api(&own, endpoint, &request).await }, &shared.workers);
    let answer = work.join_next().await.and_then(Result::ok);
    answer.unwrap_or_else(|| {
        let detail = "the answer could not be computed; the log of the dashboard has the reason";
        Err(Problem::unavailable(detail))
    })
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

#[cfg(test)]
mod health;

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
