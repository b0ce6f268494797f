//! Bodies of callstats.io's REST API, with the path that each was sent to, as `{"path":
//! "/v1/apps/{appID}/conferences/{confID}/…", "body": {…}}`, or only a body if the record's key
//! names the session.
//!
//! <https://github.com/callstats-io/csio-api-doc/blob/master/source/rest-api.json>

use std::borrow::Cow;

use schemas::EventKind;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::client_sample::{ObjectsSeed, state};
use super::envelope_fields::Around;
use super::fields::{MAX_NAME, MAX_PROSE, MOST_SECONDS, rating, reason, required, wait_ms};
use super::get_stats::{Found, Type, legacy};
use super::json::{self, Nested, Scalar, scalars_are, skip_items};
use super::{Reason, Rejected, Source};
use crate::counters::StatsType;
use crate::event::Event;
use crate::settings::Settings;

/// Media type of the format.
pub(super) const CONTENT_TYPE: &str = "application/vnd.callstats.rest+json";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request<'a> {
    #[serde(borrow, alias = "POST", alias = "url")]
    path: Scalar<'a>,
    body: Nested<Body<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    event_type: Scalar<'a>,
    /// Time from joining to the fabric's set-up, ms.
    delay: Scalar<'a>,
    reason: Scalar<'a>,
    changed_state: Scalar<'a>,
    prev_state: Scalar<'a>,
    new_state: Scalar<'a>,
    prev_ice_candidate_pair: Nested<Anything>,
    endpoint_info: Nested<EndpointInfo<'a>>,
    feedback: Nested<Feedback<'a>>,
    stats: Nested<Stats<'a>>,
}

/// A member that only has to be present.
struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EndpointInfo<'a> {
    #[serde(borrow)]
    app_version: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback<'a> {
    #[serde(borrow)]
    overall_rating: Scalar<'a>,
}

/// Free-form getStats objects, sorted into arrays.
#[derive(Default)]
struct Stats<'a>(Found<'a>);

pub(super) fn decode<'a>(
    text: &'a str,
    source: Source<'a>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    let request: Request<'a> = serde_json::from_str(text).map_err(json::rejected)?;
    let outer = Around::read(text)?;
    let path = request.path.text(MAX_PROSE).unwrap_or_default();
    let (mut around, body) = match request.body {
        Nested::Value(body) => {
            let Inner { around, .. } = serde_json::from_str(text).map_err(json::rejected)?;
            (outer.or(around), body)
        }
        Nested::Missing => (outer, serde_json::from_str(text).map_err(json::rejected)?),
        Nested::Wrong => return Err(Rejected::new(Reason::BadValue, "body: not an object")),
    };
    around.or_path(segment(&path, "apps"), segment(&path, "conferences"));
    around.or_key(source.key);
    let client_us = required("timestamp", around.timestamp_us(MOST_SECONDS)?)?;
    body.event(&path, around, client_us, limits)
}

/// The members of the body that name the session.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner<'a> {
    #[serde(borrow, rename = "body")]
    around: Around<'a>,
}

/// Returns the part of a path after `name`. A part in braces is a placeholder for a missing name.
fn segment<'a>(path: &str, name: &str) -> Option<Cow<'a, str>> {
    let mut parts = path.split('/').skip_while(|part| *part != name).skip(1);
    let part = parts.next().filter(|part| !part.is_empty() && !part.starts_with('{'))?;
    Some(Cow::Owned(part.to_owned()))
}

/// Returns the event of a body, if Isobar measures it.
struct Happened {
    kind: EventKind,
    is_state: bool,
}

impl<'a> Body<'a> {
    fn event(
        self,
        path: &str,
        mut around: Around<'a>,
        client_us: i64,
        limits: &Settings,
    ) -> Result<Event<'a>, Rejected> {
        let Happened { kind, is_state } = self.happened(path)?;
        if let Some(info) = self.endpoint_info.into_value() {
            around.or_client_version(info.app_version.text(MAX_NAME));
        }
        let mut event = Event { kind, is_state, ..around.event(client_us)? };
        match kind {
            EventKind::Connected if !is_state => {
                event.time_to_connect_ms = wait_ms("delay", self.delay)?;
            }
            EventKind::Failed => {
                let reported = reason("reason", self.reason)?;
                event.failure_reason = reported.or(reason("eventType", self.event_type)?);
            }
            EventKind::Feedback => {
                let reported = self.feedback.into_value().unwrap_or_default();
                event.rating = rating("feedback.overallRating", reported.overall_rating)?;
            }
            EventKind::Stats => {
                if let Some(Stats(found)) = self.stats.into_value() {
                    if found.legacy {
                        return Err(legacy());
                    }
                    let snapshots = found.named().snapshots(client_us, limits.max_streams)?;
                    (event.streams, event.pairs) = snapshots;
                }
            }
            _ => {}
        }
        Ok(event)
    }

    fn happened(&self, path: &str) -> Result<Happened, Rejected> {
        let text = |value: &Scalar<'_>| match value {
            Scalar::Text(text) => text.to_string(),
            _ => String::new(),
        };
        let event = |kind| Ok(Happened { kind, is_state: false });
        let is_state = |kind| Ok(Happened { kind, is_state: true });
        // Mutes, devices, speakers, battery, … are not measured.
        let nothing = event(EventKind::Stats);
        if !matches!(self.changed_state, Scalar::Missing) {
            let ice = text(&self.changed_state) == "iceConnectionState";
            // The set-up itself is reported by fabricSetup and fabricSetupFailed.
            let set_up =
                !matches!(&*text(&self.prev_state), "connected" | "completed" | "disconnected");
            return match state(&text(&self.new_state)) {
                Some(kind) if ice && !set_up => is_state(kind),
                _ => nothing,
            };
        }
        match (&*text(&self.event_type), path) {
            ("fabricSetup", _) => event(EventKind::Connected),
            ("fabricSetupFailed", _) => event(EventKind::Failed),
            ("iceDisruptionStart" | "iceConnectionDisruptionStart", _) => {
                is_state(EventKind::Disconnected)
            }
            ("iceDisruptionEnd" | "iceConnectionDisruptionEnd", _) => event(EventKind::Reconnected),
            ("iceFailed", _) if matches!(self.prev_ice_candidate_pair, Nested::Missing) => {
                is_state(EventKind::Failed)
            }
            ("iceFailed", _) => is_state(EventKind::Disconnected),
            _ if matches!(self.stats, Nested::Value(_)) => event(EventKind::Stats),
            _ if matches!(self.feedback, Nested::Value(_)) => event(EventKind::Feedback),
            _ if matches!(self.endpoint_info, Nested::Value(_)) => event(EventKind::Joined),
            (_, path) if path.ends_with("/events/user/left") => event(EventKind::Left),
            (_, path) if path.contains("/conferences/") => {
                let mut after = path.split('/').skip_while(|part| *part != "conferences").skip(2);
                let is_conference = after.all(str::is_empty);
                if is_conference { event(EventKind::Joined) } else { nothing }
            }
            ("", _) => {
                let detail = "neither path nor eventType identifies the body: add the path";
                Err(Rejected::new(Reason::UnknownEvent, detail))
            }
            _ => nothing,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Stats<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatsVisitor)
    }
}

struct StatsVisitor;

impl<'de> Visitor<'de> for StatsVisitor {
    type Value = Stats<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stats")
    }
    scalars_are!(Stats::default());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        skip_items(&mut items)?;
        Ok(Stats::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::default();
        while let Some(Scalar::Text(member)) = members.next_key()? {
            let of = match &*member {
                "tracks" => Type::Stream,
                "candidatePairs" => Type::Counting(StatsType::Pair),
                "transports" => Type::Transport,
                "codecs" => Type::Codec,
                "msts" => Type::Track,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            members.next_value_seed(ObjectsSeed { of, found: &mut found })?;
        }
        Ok(Stats(found))
    }
}
