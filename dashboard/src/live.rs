//! Server-sent events of `/api/v1/live`: the age of the newest complete minute, every few seconds.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use crate::freshness::Watch;
use crate::problem::Problem;
use crate::request::now;
use crate::server::Shared;

/// Interval between two events.
const EVERY: Duration = Duration::from_secs(5);

/// A listener of `/api/v1/live`.
struct Listener {
    watch: Arc<Watch>,
    minute: Option<String>,
    /// The event that follows at once.
    next: Option<Event>,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

/// Answers `/api/v1/live`.
pub(crate) fn live(shared: &Shared, raw: &str) -> Result<Response, Problem> {
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
