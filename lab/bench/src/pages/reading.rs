//! Opens views as a browser does, and measures how long they take.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use deploy::failure::{Context, Failure};
use serde_json::Value;
use stack::http;

use super::requests::{Range, View};

/// Header by which the dashboard of the bench knows the role.
const ROLE_HEADER: &str = "x-role";
/// Requests that a page sends at once: `AT_ONCE` in `dashboard/page/src/api/client.ts`.
const AT_ONCE: usize = 4;
/// Time for an answer: more than the dashboard allows a query.
const PATIENCE: Duration = Duration::from_secs(60);

/// A view that was opened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opened {
    /// Time from the first request to the last answer, s.
    pub(crate) seconds: f64,
    /// Answers other than 200, each with its status and address; and answers without rows.
    pub(crate) failed: Vec<String>,
    /// The slowest request and its time, s.
    pub(crate) slowest: (String, f64),
}

/// Opens a view at the dashboard's `address` (`host:port`).
///
/// # Errors
/// If the dashboard does not answer.
pub(crate) fn open(
    address: &str,
    view: View,
    range: Range,
    turn: usize,
) -> Result<Opened, Failure> {
    let requests = view.requests(range, turn);
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let answers: Vec<Result<_, Failure>> = thread::scope(|scope| {
        let connection = || {
            let mut answers = Vec::new();
            while let Some(path) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                answers.push(ask(address, path, view.role()));
            }
            answers
        };
        let connections: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(connection)).collect();
        connections.into_iter().flat_map(|it| it.join().unwrap_or_default()).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let slowest = answers.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds));
    Ok(Opened {
        seconds,
        slowest: slowest.map(|it| (it.path.clone(), it.seconds)).unwrap_or_default(),
        failed: answers.into_iter().filter_map(|answer| answer.failure).collect(),
    })
}

struct Answer {
    path: String,
    seconds: f64,
    failure: Option<String>,
}

fn ask(address: &str, path: &str, role: &str) -> Result<Answer, Failure> {
    let asked = Instant::now();
    let answer = http::get_as(address, path, &[(ROLE_HEADER, role)], PATIENCE).context(path)?;
    let seconds = asked.elapsed().as_secs_f64();
    let failure = if answer.status == 200 {
        (!has_figures(path, &answer.body)).then(|| format!("no figures: {path}"))
    } else {
        Some(format!("{}: {path}: {}", answer.status, answer.body))
    };
    Ok(Answer { path: path.to_owned(), seconds, failure })
}

/// Returns whether an answer has what its page shows: rows, points, values or measures. A list of changes may be
/// empty.
fn has_figures(path: &str, body: &str) -> bool {
    let Ok(answer) = serde_json::from_str::<Value>(body) else { return false };
    let lists = ["rows", "points", "cells", "values", "measures", "hours"];
    let mut found = lists.iter().filter_map(|list| answer[*list].as_array());
    match found.next() {
        Some(list) => !list.is_empty() || path.starts_with("/api/v1/changes"),
        None => answer.is_object(),
    }
}
