//! Tenants see their app alone, whether they are known by a token or by the headers of a proxy.

use serde_json::Value;

use super::document::QUESTIONS;
use super::{Api, PARTICIPANTS, TENANT, TENANT_PARTICIPANTS, command};
use crate::harness::Turn;
use crate::program::Program;

/// Removes what names the filter: it is all in which the answers may differ.
fn figures(mut answer: Value) -> Value {
    for side in ["", "/a", "/b"] {
        if let Some(Value::Object(members)) = answer.pointer_mut(side) {
            members.remove("filter");
        }
    }
    answer
}

/// Every answer to a tenant is that about its app.
pub(super) fn see_their_app_alone(api: &Api) {
    for (path, query) in QUESTIONS.iter().filter(|(path, _)| !["freshness", "me"].contains(path)) {
        let mine = api.get_as(TENANT_PARTICIPANTS, &format!("{path}?{query}"));
        let all = api.get_as(PARTICIPANTS, &format!("{path}?{query}"));
        let one = api.get_as(PARTICIPANTS, &format!("{path}?{query}&app=other"));
        assert_eq!((mine.0, one.0), (200, 200), "{path}");
        assert_eq!(figures(mine.1.clone()), figures(one.1), "{path}?{query}");
        let is_same = figures(mine.1) == figures(all.1);
        // The world has no changes, and no roll-ups with percentiles.
        let is_empty = *path == "changes" || query.contains("round_trip");
        assert!(!is_same || is_empty, "{path}: the app makes no difference");
        for token in [TENANT, TENANT_PARTICIPANTS] {
            let (status, problem) = api.get_as(token, &format!("{path}?{query}&app=app"));
            assert_eq!(status, 403, "{path} {problem:#}");
        }
    }
    let (_, apps) = api.get_as(TENANT_PARTICIPANTS, "values?of=app&range=24h");
    let names: Vec<_> =
        apps["values"].as_array().unwrap().iter().map(|one| &one["value"]).collect();
    assert_eq!(names, ["other"]);
}

/// A service behind a proxy that sets both headers.
pub(super) fn are_known_by_the_headers_of_a_proxy(
    turn: &Turn,
    url: &str,
    password: &str,
    by_token: &Api,
) {
    let mut command = command(url, password);
    command
        .env("ISOBAR_DASHBOARD__ROLE_HEADER", "X-Role")
        .env("ISOBAR_DASHBOARD__APPS_HEADER", "X-Apps");
    let program = Program::spawn(command, turn.folder.path().join("proxied.log"));
    program.wait_for("started");
    let api = Api { address: program.address().unwrap() };
    api.wait_until_ready();
    let ask = |headers: &str, path: &str| {
        let host = format!("Host: {}\r\n{headers}", api.address);
        let (status, _, body) = api.send("GET", &format!("/api/v1/{path}"), &host);
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let path = "breakdown?by=provider&country=BR&range=24h";
    for incomplete in
        ["", "X-Apps: other\r\n", "X-Role: participants\r\n", "X-Role: admin\r\nX-Apps: *\r\n"]
    {
        assert_eq!(ask(incomplete, path).0, 401, "{incomplete}");
    }
    let viewer = "X-Role: viewer\r\nX-Apps: other\r\n";
    assert_eq!(ask(viewer, path), by_token.get_as(TENANT, path));
    assert_eq!(ask(viewer, &format!("{path}&app=app")).0, 403);
    let free = "breakdown?by=browser&country=BR&network_type=wifi&range=24h";
    assert_eq!(ask(viewer, free).0, 403);
    let participants = "X-Role: participants\r\nX-Apps: other\r\n";
    assert_eq!(ask(participants, free), by_token.get_as(TENANT_PARTICIPANTS, free));
    // The credentials of the other service are nothing here.
    assert_eq!(ask(&format!("Cookie: isobar_token={PARTICIPANTS}\r\n"), path).0, 401);
}
