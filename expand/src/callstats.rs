//! Bodies of callstats.io's REST API, each with the path that it was sent to:
//! `{"POST": "/v1/apps/…", "body": {…}}`, or the bodies alone.

use super::document::{Document, MOST_SECONDS, Members, moment_ms, name, text};

/// Members that hold the path.
const PATHS: [&str; 3] = ["path", "POST", "url"];

/// Returns whether a JSON object with these members is a callstats.io body.
pub(crate) fn is_one(member: impl Fn(&str) -> bool) -> bool {
    (member("body") && PATHS.into_iter().any(&member)) || (member("localID") && member("deviceID"))
}

/// Returns the record of a body. None if it cannot be read.
pub(crate) fn expand(mut members: Members) -> Option<Document> {
    if !members.contains_key("body") {
        let body = serde_json::value::to_raw_value(&members).ok()?;
        members = Members::from([("body".to_owned(), body)]);
    }
    let body: Members = serde_json::from_str(members.get("body")?.get()).ok()?;
    let time = body.get("timestamp").and_then(|time| moment_ms(time))?;
    let recorded_ms = if time <= MOST_SECONDS { time * 1e3 } else { time };
    let path = PATHS.iter().find_map(|path| members.get(*path)).and_then(|path| text(path));
    let mut document = Document { members, recorded_ms };
    let path = path.unwrap_or_default();
    let reported = [
        ("app", segment(&path, "apps")),
        ("call", segment(&path, "conferences")),
        ("participant", body.get("localID").and_then(|id| name(id))),
    ];
    for (member, value) in reported {
        if document.name(member).is_none()
            && let Some(value) = value
        {
            document.set(member, &value);
        }
    }
    Some(document)
}

/// Returns the part of a path after `name`. A part in braces is a placeholder for a missing name.
fn segment(path: &str, name: &str) -> Option<String> {
    let mut parts = path.split('/').skip_while(|part| *part != name).skip(1);
    parts.next().filter(|part| !part.is_empty() && !part.starts_with('{')).map(str::to_owned)
}
