//! `chrome://webrtc-internals` dumps: one JSON object for all of a browser's peer connections.
//!
//! Every member of every stats object is a series of values, named `<id>-<member>`. The series
//! `<id>-timestamp`, which Chrome writes since release 117, has the time of each value. Older
//! releases polled at a steady interval, so their values are evenly spaced between the start and
//! end times of the series.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::budget::Budget;
use super::document::size;
use super::outcome::Expanded;
use super::session::{Asked, Session};

#[derive(Deserialize)]
struct Dump {
    #[serde(rename = "UserAgent")]
    user_agent: Option<String>,
    #[serde(rename = "PeerConnections", default)]
    connections: BTreeMap<String, Connection>,
    #[serde(rename = "getUserMedia", default)]
    user_media: Vec<UserMedia>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    #[serde(default)]
    update_log: Vec<Update>,
    #[serde(default)]
    stats: BTreeMap<String, Series>,
}

/// An event. Releases before 138 report its time as text in the user's locale, which cannot be
/// parsed.
#[derive(Deserialize)]
struct Update {
    timestamp: Option<f64>,
    #[serde(rename = "type")]
    event: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    stats_type: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    /// A JSON array, as text.
    values: String,
}

/// A call of `getUserMedia()`, or its end, which has the same ids but no constraints.
#[derive(Deserialize)]
struct UserMedia {
    rid: Option<i64>,
    pid: Option<i64>,
    request_id: Option<i64>,
    #[serde(default)]
    request_type: Option<String>,
    timestamp: Option<f64>,
    audio: Option<Box<RawValue>>,
    video: Option<Box<RawValue>>,
    error: Option<String>,
}

/// Returns whether a JSON object with these members is a dump.
pub(crate) fn is_dump(member: impl Fn(&str) -> bool) -> bool {
    member("PeerConnections")
}

/// Expands a dump into self-contained envelopes. None if the text is not a dump.
pub(crate) fn expand(text: &str, budget: &Budget) -> Option<Expanded> {
    let dump: Dump = serde_json::from_str(text).ok()?;
    let mut untimed = 0;
    let mut session = Session::new(budget);
    let mut first_ms = BTreeMap::new();
    let mut reports = Vec::new();
    for (id, connection) in &dump.connections {
        let frames = frames(&connection.stats, &mut untimed, budget)?;
        let updates = connection.update_log.iter().filter_map(|update| update.timestamp);
        let times = frames.keys().map(|Time(us)| *us as f64 / 1e3).chain(updates);
        first_ms.insert(id, times.fold(f64::INFINITY, f64::min));
        reports.extend(frames.into_iter().map(|(time, report)| (id, time, report)));
    }
    let mut created: Vec<_> = first_ms.into_iter().filter(|(_, ms)| ms.is_finite()).collect();
    created.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    for (id, ms) in created {
        session.create(id, ms);
    }
    for (id, Time(us), report) in reports {
        let ms = us as f64 / 1e3;
        session.stats(id, ms, ms, to_raw_value(&report).ok()?);
    }
    updates(&dump.connections, &mut session, &mut untimed);
    devices(&dump.user_media, &mut session);
    Some(Expanded { untimed, ..Expanded::new(session.end(dump.user_agent.as_deref())) })
}

/// Time of a report, us since the Unix epoch. An integer, so that it can be a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Time(i64);

type Object = BTreeMap<String, Box<RawValue>>;

/// Returns the reports of a peer connection. All objects of a report have the same time, except
/// those of the remote end: of these, the latest one that had arrived. None if the reports exceed
/// the budget.
fn frames(
    stats: &BTreeMap<String, Series>,
    untimed: &mut u64,
    budget: &Budget,
) -> Option<BTreeMap<Time, Vec<Object>>> {
    let mut local: BTreeMap<Time, Vec<Object>> = BTreeMap::new();
    let mut remote: Vec<Vec<(Time, Object)>> = Vec::new();
    let by_object = by_object(stats);
    let paces = by_object.values().filter_map(paced);
    let pace = paces.map(|(_, times)| times).max_by_key(Vec::len).unwrap_or_default();
    for (id, members) in by_object {
        let Some(values) = objects(id, &members, &pace, budget) else {
            *untimed += 1;
            continue;
        };
        let of = members.values().find_map(|series| series.stats_type.as_deref());
        if of.is_some_and(|of| matches!(of, "remote-inbound-rtp" | "remote-outbound-rtp")) {
            remote.push(values);
        } else {
            for (time, object) in values {
                local.entry(time).or_default().push(object);
            }
        }
    }
    let polls: Vec<f64> = local.keys().map(|Time(us)| *us as f64 / 1e3).collect();
    for values in remote {
        let reported: Vec<f64> = values.iter().map(|(Time(us), _)| *us as f64 / 1e3).collect();
        let from = first_poll(&reported, &polls);
        for (at, (time, objects)) in local.iter_mut().enumerate() {
            let object = match from {
                Some(from) => at.checked_sub(from).and_then(|at| values.get(at)),
                None => values.iter().rev().find(|(reported, _)| reported.0 <= time.0 + BEHIND_US),
            };
            let Some((_, object)) = object else { continue };
            budget.take(size(object))?;
            objects.push(object.clone());
        }
    }
    Some(local)
}

/// Maximum delay of the time of an RTCP packet after the time of the poll that reports it, us.
const BEHIND_US: i64 = 20_000;
const BEHIND_MS: f64 = BEHIND_US as f64 / 1e3;

/// Returns the first poll that contains values of the remote end. Each poll has one value, which
/// stays the same until the next RTCP packet. The packet's time may be slightly after that of the
/// poll, so times alone could assign it to the wrong poll. None if the series has gaps.
fn first_poll(reported: &[f64], polls: &[f64]) -> Option<usize> {
    let first = *reported.first()?;
    let by_time = polls.partition_point(|poll| poll + BEHIND_MS < first);
    let to_the_end = polls.len().checked_sub(reported.len())?;
    let fits = |(from, since_ms): &(usize, f64)| {
        let Some(polls) = polls.get(*from..from + reported.len()) else { return false };
        let had_come =
            polls.iter().zip(reported).all(|(poll, reported)| *reported <= poll + BEHIND_MS);
        // A packet that first appears in a poll had not arrived at the poll before.
        let is_new = polls.iter().zip(reported.windows(2)).all(|(before, reported)| {
            reported.first() == reported.last() || reported.last() > Some(&(before + since_ms))
        });
        had_come && is_new
    };
    // If the series is aligned at its end, values before a gap are late by the number of missing
    // polls.
    let places = [(by_time, -BEHIND_MS), (to_the_end, BEHIND_MS)];
    places.into_iter().find(fits).map(|(from, _)| from)
}

/// Returns the series of each stats object, by member. Names in brackets are values that Chrome
/// itself computes, and are left out.
fn by_object(stats: &BTreeMap<String, Series>) -> BTreeMap<&str, BTreeMap<&str, &Series>> {
    let mut objects: BTreeMap<&str, BTreeMap<&str, &Series>> = BTreeMap::new();
    for (name, series) in stats.iter().filter(|(name, _)| !name.contains('[')) {
        if let Some((id, member)) = name.rsplit_once('-') {
            objects.entry(id).or_default().insert(member, series);
        }
    }
    objects
}

/// Returns a stats object at each of its times. If it does not report them, they are taken from
/// `pace`. None if neither is known.
fn objects(
    id: &str,
    members: &BTreeMap<&str, &Series>,
    pace: &[f64],
    budget: &Budget,
) -> Option<Vec<(Time, Object)>> {
    let (clock, times) = match members.get("timestamp") {
        Some(clock) => (*clock, serde_json::from_str::<Vec<Option<f64>>>(&clock.values).ok()?),
        None => {
            let (clock, times) = paced(members)?;
            (clock, times.into_iter().map(|ms| Some(nearest(pace, ms))).collect())
        }
    };
    // The dump has each value separately, but the names of members only once.
    let names = members.keys().map(|member| member.len()).sum::<usize>();
    budget.take(names.saturating_mul(times.len()))?;
    let mut objects: Vec<Object> = vec![Object::new(); times.len()];
    for (member, series) in members {
        let values: Vec<Box<RawValue>> = serde_json::from_str(&series.values).ok()?;
        let Some((from, to)) = extent(series, values.len(), clock, &times) else { continue };
        for (at, object) in (0..).zip(&mut objects[from..=to]) {
            let Some(value) = placed(&values, at, to - from + 1) else { continue };
            if value.get() != "null" {
                object.insert((*member).to_owned(), plain(value.to_owned()));
            }
        }
    }
    let of = members.values().find_map(|series| series.stats_type.clone());
    let facts = [("id", Some(id.to_owned())), ("type", of), ("kind", kind(id).map(str::to_owned))];
    for (member, fact) in facts {
        let Some(fact) = fact.and_then(|fact| to_raw_value(&fact).ok()) else { continue };
        budget.take(fact.get().len().saturating_mul(objects.len()))?;
        for object in &mut objects {
            object.entry(member.to_owned()).or_insert_with(|| fact.clone());
        }
    }
    let timed = times.into_iter().zip(objects);
    Some(
        timed.filter_map(|(ms, object)| Some((Time((ms? * 1e3).round() as i64), object))).collect(),
    )
}

/// Returns the longest series of an object, and the times of its values for a steady interval, ms.
/// Only needed for objects that do not report their times.
fn paced<'a>(members: &BTreeMap<&str, &'a Series>) -> Option<(&'a Series, Vec<f64>)> {
    let count = |series: &Series| {
        serde_json::from_str::<Vec<&RawValue>>(&series.values).map_or(0, |values| values.len())
    };
    if members.contains_key("timestamp") {
        return None;
    }
    let (count, clock) =
        members.values().map(|series| (count(series), *series)).max_by_key(|(count, _)| *count)?;
    let ms = |time: &Option<String>| {
        let time = time.as_deref()?.parse::<jiff::Timestamp>().ok()?;
        Some(time.as_microsecond() as f64 / 1e3)
    };
    let (start, end) = (ms(&clock.start_time)?, ms(&clock.end_time)?);
    let step = (end - start) / count.saturating_sub(1).max(1) as f64;
    Some((clock, (0..count).map(|n| (start + step * n as f64).round()).collect()))
}

/// Returns the time in `pace` that is nearest to `ms`, because all objects of one report were taken
/// at one time.
fn nearest(pace: &[f64], ms: f64) -> f64 {
    let after = pace.partition_point(|time| *time < ms);
    let around = pace[after.saturating_sub(1)..].iter().take(2).copied();
    around.min_by(|a, b| (a - ms).abs().total_cmp(&(b - ms).abs())).unwrap_or(ms)
}

/// Returns the first and the last of the `times` that a series covers: by its own start and end
/// times or, if the dump has none, because it has a value at the first or the last of them. None if
/// neither is known, or if it has more values than there are times.
fn extent(
    series: &Series,
    values: usize,
    clock: &Series,
    times: &[Option<f64>],
) -> Option<(usize, usize)> {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    if values == 0 {
        return None;
    }
    let last = times.len().checked_sub(1)?;
    let starts = same(&series.start_time, &clock.start_time);
    let ends = same(&series.end_time, &clock.end_time);
    let (from, to) = match (starts, ends) {
        _ if values == times.len() => (Some(0), Some(last)),
        (true, true) => (Some(0), Some(last)),
        (true, false) => (Some(0), nearest_to(times, &series.end_time).or(Some(values - 1))),
        (false, true) => {
            let from = times.len().checked_sub(values);
            (nearest_to(times, &series.start_time).or(from), Some(last))
        }
        (false, false) => {
            (nearest_to(times, &series.start_time), nearest_to(times, &series.end_time))
        }
    };
    let (from, to) = (from?, to?);
    (to <= last && from <= to && values <= to - from + 1).then_some((from, to))
}

/// Maximum difference between the start or end time of a series and the `timestamp` of its object,
/// ms: the page sets the former itself and truncates it to whole milliseconds.
const SLACK_MS: f64 = 50.0;

/// Returns the position of the time that is nearest to `wanted`, if it is near enough. Times are in
/// ascending order.
fn nearest_to(times: &[Option<f64>], wanted: &Option<String>) -> Option<usize> {
    let wanted = wanted.as_deref()?.parse::<jiff::Timestamp>().ok()?;
    let wanted = wanted.as_microsecond() as f64 / 1e3;
    let after = times.partition_point(|ms| ms.is_none_or(|ms| ms < wanted));
    let around = after.saturating_sub(1)..=after;
    let near = around.filter_map(|at| Some((at, ((*times.get(at)?)? - wanted).abs())));
    let (at, ms) = near.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (ms <= SLACK_MS).then_some(at)
}

/// Returns the value of a series at position `at` of `places`. If it has fewer values than
/// positions, there is a gap at an unknown position: the value is then known only if all candidates
/// are equal.
fn placed(values: &[Box<RawValue>], at: usize, places: usize) -> Option<&RawValue> {
    let gap = places.checked_sub(values.len())?;
    let from = at.saturating_sub(gap);
    let to = at.min(values.len().checked_sub(1)?);
    let first: &RawValue = values.get(from)?;
    // A series with many missing values is not read: comparing all candidates would be quadratic.
    let known = gap <= MOST_MISSING
        && values.get(from..=to)?.iter().all(|value| value.get() == first.get());
    known.then_some(first)
}

/// Maximum number of missing values of a series that is read.
const MOST_MISSING: usize = 64;

/// Returns a value that is an object written as text as that object.
fn plain(value: Box<RawValue>) -> Box<RawValue> {
    let text = serde_json::from_str::<String>(value.get()).ok();
    let object =
        text.filter(|text| text.starts_with('{')).and_then(|text| RawValue::from_string(text).ok());
    object.unwrap_or(value)
}

/// Returns the media kind from an id of Chrome's RTP streams, needed for older dumps: `IT01A…` and
/// `OT01V…`, or `RTCInboundRTPAudioStream_…`.
fn kind(id: &str) -> Option<&'static str> {
    let of = |letter| match letter {
        'A' => Some("audio"),
        'V' => Some("video"),
        _ => None,
    };
    let short = id.strip_prefix("IT").or_else(|| id.strip_prefix("OT"));
    let long = id.strip_prefix("RTCInboundRTP").or_else(|| id.strip_prefix("RTCOutboundRTP"));
    match (short, long) {
        (Some(short), _) => {
            of(short.trim_start_matches(|c: char| c.is_ascii_digit()).chars().next()?)
        }
        (_, Some(long)) if long.starts_with("Audio") || long.starts_with("Video") => {
            of(long.chars().next()?)
        }
        _ => None,
    }
}

fn updates(connections: &BTreeMap<String, Connection>, session: &mut Session, untimed: &mut u64) {
    // Names of the events, which begin with `on` since Chrome 14x.
    const STATES: [&str; 2] = ["iceconnectionstatechange", "connectionstatechange"];
    let is_state = |event: &str| STATES.contains(&event.strip_prefix("on").unwrap_or(event));
    let mut updates = Vec::new();
    for (id, connection) in connections {
        for update in &connection.update_log {
            let reported = is_state(&update.event) || update.event == "close";
            match update.timestamp {
                Some(ms) if reported => updates.push((ms, id, update)),
                None if reported => *untimed += 1,
                _ => {}
            }
        }
    }
    updates.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    for (ms, id, update) in updates {
        if update.event == "close" {
            session.close(id, ms);
        } else {
            session.state(id, &update.value, ms);
        }
    }
}

fn devices(calls: &[UserMedia], session: &mut Session) {
    let ids = |call: &UserMedia| (call.pid, call.rid, call.request_id);
    for failed in calls.iter().filter(|call| call.error.is_some()) {
        let mut begun = calls.iter().filter(|call| call.error.is_none());
        let begun = begun.find(|call| {
            ids(call) == ids(failed) && (call.audio.is_some() || call.video.is_some())
        });
        let camera_and_microphone =
            |call: &&UserMedia| call.request_type.as_deref().is_none_or(|of| of == "getUserMedia");
        let Some(begun) = begun.filter(camera_and_microphone) else { continue };
        let asked = Asked { microphone: begun.audio.is_some(), camera: begun.video.is_some() };
        if let Some(ms) = failed.timestamp.or(begun.timestamp) {
            session.devices_failed(asked, failed.error.as_deref(), ms);
        }
    }
}
