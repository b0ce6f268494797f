//! Conversion of W3C getStats reports (RTCStatsReport) to snapshots of streams.
//!
//! Only members in a fixed list are read; addresses, SDP and certificates are not among them.

use std::borrow::Cow;

use schemas::{Direction, Kind};

use self::index::Index;
pub(super) use self::object::{Found, Object, ObjectSeed};
pub(super) use self::object_type::Type;
pub(super) use self::report::GetStats;
pub(super) use self::specified_names::is_network;
use super::fields::code;
use super::{Reason, Rejected};
use crate::counters::{Counter, StatsType, Values};
use crate::event::{Pair, Stream, Transport};

mod index;
mod members;
mod object;
mod object_type;
mod report;
mod specified_names;
mod value_seeds;

/// Maximum number of stats objects of a record. An object may have as few as three bytes, and takes
/// a kilobyte of memory.
pub(super) const MAX_OBJECTS: usize = 16_384;

/// Maximum bytes of ids and other texts of stats objects, far above those of browsers.
const MAX_TEXT: usize = 256;

/// Snapshots of the RTP streams and of the selected candidate pair of each transport.
type Snapshots<'a> = (Vec<Stream<'a>>, Vec<Pair<'a>>);

impl<'a> GetStats<'a> {
    /// Returns the snapshots of a self-contained report. Objects without a time of their own have
    /// the time `client_us`.
    pub(super) fn snapshots(
        self,
        client_us: i64,
        max_streams: usize,
    ) -> Result<Snapshots<'a>, Rejected> {
        self.found()?.snapshots(client_us, max_streams)
    }

    /// Returns the content of a self-contained report.
    pub(super) fn found(self) -> Result<Found<'a>, Rejected> {
        match self {
            Self::Found(found) if found.legacy => Err(legacy()),
            Self::Found(found) if found.untyped => {
                let detail = "report: an object without a type, as in deltas and dumps: expand \
                              them before sending them, `isobar replay` does";
                Err(Rejected::new(Reason::Delta, detail))
            }
            Self::Found(found) if !found.known => Err(empty()),
            Self::Found(found) => Ok(found),
            Self::Missing => Err(Rejected::new(Reason::MissingField, "report")),
            Self::Wrong => {
                let detail = "report: neither object nor array; a text is not read, even if it is \
                              JSON: send the report itself";
                Err(Rejected::new(Reason::BadValue, detail))
            }
        }
    }
}

/// Refuses more objects than a record may have, and more than `max_streams` streams of one type.
pub(super) fn check<'o, 'a: 'o>(
    objects: impl Iterator<Item = &'o Object<'a>> + Clone,
    max_streams: usize,
) -> Result<(), Rejected> {
    if objects.clone().count() > MAX_OBJECTS {
        let detail = format!("report: more than {MAX_OBJECTS} stats objects");
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    for reported in [
        StatsType::Inbound,
        StatsType::Outbound,
        StatsType::RemoteInbound,
        StatsType::RemoteOutbound,
    ] {
        let of_type = objects.clone().filter(|object| object.is(Type::Counting(reported)));
        if of_type.count() > max_streams {
            let detail = format!("report: more than {max_streams} streams of one type");
            return Err(Rejected::new(Reason::TooLarge, detail));
        }
    }
    Ok(())
}

/// Returns the rejection of a report without any stats object.
fn empty() -> Rejected {
    let detail = "report: no stats object in it (no type as inbound-rtp). JSON.stringify() makes {} \
                  of a Map: send Object.fromEntries(report), or [...report.values()]";
    Rejected::new(Reason::EmptyReport, detail)
}

/// Returns the rejection of the callback-based getStats().
pub(super) fn legacy() -> Rejected {
    let detail = "report: legacy getStats() with goog… members: send what the promise-based \
                  RTCPeerConnection.getStats() returns";
    Rejected::new(Reason::LegacyGetStats, detail)
}

impl<'a> Found<'a> {
    /// Returns the newest time of an object, us since the Unix epoch.
    pub(super) fn newest_us(&self) -> Option<i64> {
        self.objects.iter().filter_map(|object| object.timestamp_us).max()
    }

    /// Gives ids to objects without an id, as some SDKs and SFUs write them: to streams their SSRC,
    /// to a pair its candidates or its position.
    pub(super) fn named(mut self) -> Self {
        for (place, object) in self.objects.iter_mut().enumerate() {
            if !object.id.is_empty() {
                continue;
            }
            object.id = Cow::Owned(match (object.of, &object.local_id, &object.remote_id) {
                (Type::Counting(StatsType::Pair), Some(local), Some(remote)) => {
                    format!("{local}/{remote}")
                }
                (Type::Counting(StatsType::Pair), ..) => format!("pair-{place}"),
                _ if object.ssrc != 0 => object.ssrc.to_string(),
                _ => format!("object-{place}"),
            });
        }
        self
    }

    /// Returns the snapshots. Objects without a time of their own have the time `client_us`.
    pub(super) fn snapshots(
        self,
        client_us: i64,
        max_streams: usize,
    ) -> Result<Snapshots<'a>, Rejected> {
        let nameless = |object: &Object<'_>| {
            let is_stream =
                matches!(object.of, Type::Counting(reported) if reported != StatsType::Pair);
            is_stream && object.id.is_empty() && object.ssrc == 0
        };
        let too_long = |object: &Object<'_>| object.id.len() > MAX_TEXT;
        if self.objects.iter().any(|object| nameless(object) || too_long(object)) {
            let detail = format!(
                "report: a stream without id and ssrc, or an id of more than {MAX_TEXT} bytes"
            );
            return Err(Rejected::new(Reason::BadValue, detail));
        }
        let objects = self.named().objects;
        check(objects.iter(), max_streams)?;
        let objects = Index::new(&objects);
        let routes = routes(&objects);
        let streams = objects.all.iter().filter_map(|object| {
            let path = position(object.transport_id.as_deref(), &routes);
            Some(Stream { path, ..stream(object, &objects, client_us)? })
        });
        let pairs = routes.iter().map(|route| pair(route, &objects, client_us));
        Ok((streams.collect(), pairs.collect()))
    }
}

fn stream<'a>(object: &Object<'a>, objects: &Index<'_, 'a>, client_us: i64) -> Option<Stream<'a>> {
    let (direction, reported, remote_type) = match object.of {
        Type::Counting(StatsType::Inbound) => {
            (Direction::Inbound, StatsType::Inbound, StatsType::RemoteOutbound)
        }
        Type::Counting(StatsType::Outbound) => {
            (Direction::Outbound, StatsType::Outbound, StatsType::RemoteInbound)
        }
        _ => return None,
    };
    let codec = objects.find(Type::Codec, object.codec_id.as_deref());
    let remote = objects.far_end(object, remote_type);
    let track = objects.find(Type::Track, object.track_id.as_deref());
    let mut values = Values::EMPTY;
    if let Some(track) = track {
        values.take(&track.values, reported);
    }
    values.take(&object.values, reported);
    let source_named = objects.find(Type::Source, object.source_id.as_deref());
    let of_objects = [Some(object), codec, track, source_named, remote];
    let kind =
        of_objects.into_iter().flatten().find_map(Object::media).or_else(|| kind_by(&values));
    let kind = kind.unwrap_or(Kind::None);
    if let Some(source) = source(object, kind, objects) {
        values.take(&source.values, StatsType::Source);
    }
    if let Some(remote) = remote {
        values.take(&remote.values, remote_type);
        if let Some(remote_us) = remote.timestamp_us.filter(|_| reported == StatsType::Outbound) {
            values.put(Counter::RemoteTime, remote_us);
        }
    }
    // An endpoint that forwards media without decoding always reports 0 frames and samples.
    let counts = |counter| values.get(counter).is_some_and(|count| count > 0);
    let flows = counts(Counter::PacketsReceived) || counts(Counter::PacketsSent);
    let is_uncoded = match kind {
        Kind::Video => !object.is_coded && !counts(Counter::Frames),
        Kind::Audio => values.get(Counter::TotalSamples) == Some(0),
        Kind::None => false,
    };
    Some(Stream {
        stats_id: code(object.id.clone()),
        is_uncoded: flows && is_uncoded,
        ssrc: object.ssrc,
        kind,
        direction,
        codec: codec.and_then(|codec| codec.mime_type.clone()),
        screen_share: object.screen_share.filter(|_| kind == Kind::Video),
        path: None,
        client_us: object.timestamp_us.unwrap_or(client_us),
        values,
    })
}

/// Returns the media source of a sender: the one that it names or, if it names none, the only one
/// of its kind.
fn source<'o, 'a>(
    sender: &Object<'a>,
    kind: Kind,
    objects: &Index<'o, 'a>,
) -> Option<&'o Object<'a>> {
    if !sender.is(Type::Counting(StatsType::Outbound)) {
        return None;
    }
    if sender.source_id.is_some() {
        return objects.find(Type::Source, sender.source_id.as_deref());
    }
    let is_of_kind = |source: &&Object<'_>| source.is(Type::Source) && source.media() == Some(kind);
    let mut sources = objects.all.iter().filter(is_of_kind);
    sources.next().filter(|_| sources.next().is_none())
}

/// Infers the kind of a stream from counters that W3C defines for one kind only; none if it has
/// those of both or of neither. Counters of 0 are used only if there are no others.
fn kind_by(values: &Values) -> Option<Kind> {
    let only = |least: i64| {
        let has_any = |counters: &[Counter]| {
            counters.iter().any(|counter| values.get(*counter) >= Some(least))
        };
        match (has_any(OF_AUDIO), has_any(OF_VIDEO)) {
            (true, false) => Some(Kind::Audio),
            (false, true) => Some(Kind::Video),
            _ => None,
        }
    };
    only(1).or_else(|| only(0))
}

/// Counters of audio only.
const OF_AUDIO: &[Counter] = &[
    Counter::TotalSamples,
    Counter::ConcealedSamples,
    Counter::SilentSamples,
    Counter::ConcealmentEvents,
    Counter::AudioLevel,
    Counter::AudioEnergy,
];

/// Counters of video only.
const OF_VIDEO: &[Counter] = &[
    Counter::Frames,
    Counter::FramesDropped,
    Counter::KeyFrames,
    Counter::QpSum,
    Counter::Pli,
    Counter::Fir,
    Counter::FrameWidth,
    Counter::FrameHeight,
    Counter::FreezeCount,
    Counter::FreezeTime,
    Counter::PauseCount,
    Counter::PauseTime,
];

/// Maximum number of transports of a peer connection whose path is read: more than a session
/// without bundling has media sections.
const MAX_PATHS: usize = 64;

/// A transport and its selected pair.
struct Route<'o, 'a> {
    /// The transport's id, if known.
    id: Option<&'o str>,
    transport: Option<&'o Object<'a>>,
    pair: &'o Object<'a>,
}

/// Returns the selected pair of each transport: the one that the transport names, that Firefox
/// marks as selected, or the nominated one that succeeded. A session with one transport may not
/// report its id.
fn routes<'o, 'a>(objects: &Index<'o, 'a>) -> Vec<Route<'o, 'a>> {
    let of_pairs = Type::Counting(StatsType::Pair);
    let of_type = |of| objects.all.iter().filter(move |object| object.is(of));
    let named = of_type(Type::Transport).filter_map(|transport| {
        let pair = objects.find(of_pairs, transport.selected_pair_id.as_deref())?;
        // In ObserveRTC's schema 2 the id of a transport is in `transportId`, as in objects that
        // refer to it.
        let id = transport.transport_id.as_deref().unwrap_or(&transport.id);
        Some(Route { id: Some(id), transport: Some(transport), pair })
    });
    let mut routes: Vec<_> = named.take(MAX_PATHS).collect();
    let marked = of_type(of_pairs).filter(|pair| pair.selected);
    let nominated = of_type(of_pairs)
        .filter(|pair| pair.nominated && pair.state.as_deref() == Some("succeeded"));
    for pair in marked.chain(nominated) {
        let id = pair.transport_id.as_deref();
        let is_known = match id {
            Some(_) => routes.iter().any(|route| route.id == id || std::ptr::eq(route.pair, pair)),
            None => !routes.is_empty(),
        };
        if is_known || routes.len() == MAX_PATHS {
            continue;
        }
        let transport = match id {
            Some(_) => objects.find(Type::Transport, id),
            None => of_type(Type::Transport).next(),
        };
        routes.push(Route { id, transport, pair });
    }
    routes
}

/// Returns the position of a stream's route, by the id of its transport. If there is only one
/// route, and either has no id, it is that one.
fn position(transport_id: Option<&str>, routes: &[Route<'_, '_>]) -> Option<usize> {
    match (transport_id, routes) {
        (None, [_]) | (_, [Route { id: None, .. }]) => Some(0),
        (None, _) => None,
        (Some(_), _) => routes.iter().position(|route| route.id == transport_id),
    }
}

fn pair<'a>(route: &Route<'_, 'a>, objects: &Index<'_, 'a>, client_us: i64) -> Pair<'a> {
    let Route { transport, pair: object, .. } = *route;
    let local = objects.find(Type::Candidate, object.local_id.as_deref());
    let remote = objects.find(Type::Candidate, object.remote_id.as_deref());
    let mut values = Values::EMPTY;
    values.take(&object.values, StatsType::Pair);
    let of_transport = transport.map(|transport| {
        let mut values = Values::EMPTY;
        values.take(&transport.values, StatsType::Transport);
        Transport { stats_id: transport.id.clone(), values }
    });
    Pair {
        stats_id: object.id.clone(),
        client_us: object.timestamp_us.unwrap_or(client_us),
        values,
        local_candidate_type: local.and_then(|candidate| candidate.candidate_type.clone()),
        remote_candidate_type: remote.and_then(|candidate| candidate.candidate_type.clone()),
        protocol: local.and_then(|candidate| candidate.protocol.clone()),
        relay_protocol: local.and_then(|candidate| {
            let by_url = candidate.url_protocol.map(Cow::Borrowed);
            candidate.relay_protocol.clone().or(by_url)
        }),
        network_type: local.and_then(|candidate| candidate.network_type.clone()),
        // Numbers beyond the range of integers become the nearest integer, which is implausible as
        // well.
        available_outgoing_bitrate: object
            .outgoing_bitrate
            .filter(|rate| !rate.is_nan())
            .map(|rate| rate.round() as i64),
        transport: of_transport.filter(|transport| transport.values != Values::EMPTY),
        ice_state: transport.and_then(|transport| transport.ice_state.clone()),
        dtls_state: transport.and_then(|transport| transport.dtls_state.clone()),
    }
}
