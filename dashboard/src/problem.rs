//! Errors of a request, as `application/problem+json` (RFC 9457).

use schemars::JsonSchema;
use serde::Serialize;

/// An error of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says which kind of error it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Name of the status.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Description of the error and of what to do.
    pub detail: String,
    /// The query parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

impl Problem {
    fn new(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: "about:blank", title, status, detail: detail.into(), parameter: None }
    }

    /// Returns the error of a query parameter.
    #[must_use]
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self { parameter: Some(name.to_owned()), ..Self::new(400, "Bad request", detail) }
    }

    /// Returns the error of a request without a valid token.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "a token is needed: `Authorization: Bearer …`, or the cookie `isobar_token`";
        Self::new(401, "Unauthorized", detail)
    }

    /// Returns the error of a request that the role may not make.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "Forbidden", detail)
    }

    /// Returns the error of an unknown path.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "Not found", "there is no such path; see /api/v1/openapi.json")
    }

    /// Returns the error of a method other than GET.
    #[must_use]
    pub fn method() -> Self {
        Self::new(405, "Method not allowed", "only GET and HEAD are allowed")
    }

    /// Returns the error of a request to another host name.
    #[must_use]
    pub fn host() -> Self {
        let detail = "this host name is not one of dashboard.hosts; add it to the settings, or use \
                      the address that the service listens on";
        Self::new(421, "Misdirected request", detail)
    }

    /// Returns the error while too many queries run.
    #[must_use]
    pub fn busy() -> Self {
        Self::new(429, "Too many requests", "too many queries run at once; try again in a second")
    }

    /// Returns the error of a ClickHouse that does not answer, or refuses.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "Service unavailable", detail)
    }

    /// Returns the error of a query that took too long or too much memory.
    #[must_use]
    pub fn too_long(detail: impl Into<String>) -> Self {
        Self::new(504, "Gateway timeout", detail)
    }
}
