//! A W3C getStats report (RTCStatsReport): from stats objects to snapshots of streams.
//!
//! What is read is a list of member names; addresses, SDP and certificates are not on it.

use schemas::{Direction, Kind};

use self::index::Index;
pub(super) use self::object::{Found, Object, ObjectSeed, Type};
pub(super) use self::report::GetStats;
use super::{Reason, Rejected};
use crate::counters::{Counter, Told, Values, whole};
use crate::event::{Pair, Stream, Transport};

mod index;
mod members;
mod object;
mod report;

/// Stats objects of a record. Three bytes can be one, and each takes up a kilobyte here.
pub(super) const MAX_OBJECTS: usize = 16_384;

/// Ids and other texts of stats objects: browsers stay well under it.
const MAX_TEXT: usize = 256;

/// Snapshots of the RTP streams and of the selected candidate pair.
type Snapshots<'a> = (Vec<Stream<'a>>, Option<Pair<'a>>);

impl<'a> GetStats<'a> {
    /// The snapshots of a report that is complete by itself. Objects that tell no time of their
    /// own were taken at `client_us`.
    pub(super) fn snapshots(
        self,
        client_us: i64,
        max_streams: usize,
    ) -> Result<Snapshots<'a>, Rejected> {
        self.found()?.snapshots(client_us, max_streams)
    }

    /// What was found in a report that is complete by itself.
    pub(super) fn found(self) -> Result<Found<'a>, Rejected> {
        match self {
            Self::Found(found) if found.legacy => Err(legacy()),
            Self::Found(found) if found.untyped => {
                let detail = "report: an object without a type, as in deltas and dumps: expand \
                              them before sending them, `isobar replay` does";
                Err(Rejected::new(Reason::Delta, detail))
            }
            Self::Found(found) => Ok(found),
            Self::Missing => Err(Rejected::new(Reason::MissingField, "report")),
            Self::Wrong => Err(Rejected::new(Reason::BadValue, "report: neither object nor array")),
        }
    }
}

/// Refuses more objects than are read of a record, and more than `max_streams` streams of one type.
pub(super) fn check<'o, 'a: 'o>(
    objects: impl Iterator<Item = &'o Object<'a>> + Clone,
    max_streams: usize,
) -> Result<(), Rejected> {
    if objects.clone().count() > MAX_OBJECTS {
        let detail = format!("report: more than {MAX_OBJECTS} stats objects");
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    for told in [Told::Inbound, Told::Outbound, Told::RemoteInbound, Told::RemoteOutbound] {
        let of_type = objects.clone().filter(|object| object.is(Type::Counting(told)));
        if of_type.count() > max_streams {
            let detail = format!("report: more than {max_streams} streams of one type");
            return Err(Rejected::new(Reason::TooLarge, detail));
        }
    }
    Ok(())
}

/// The refusal of the callback-based getStats().
pub(super) fn legacy() -> Rejected {
    let detail = "report: legacy getStats() with goog… members: send what the promise-based \
                  RTCPeerConnection.getStats() returns";
    Rejected::new(Reason::LegacyGetStats, detail)
}

impl<'a> Found<'a> {
    /// The newest time that an object tells, us since the Unix epoch.
    pub(super) fn newest_us(&self) -> Option<i64> {
        self.objects.iter().filter_map(|object| object.timestamp_us).max()
    }

    /// The snapshots. Objects that tell no time of their own were taken at `client_us`.
    pub(super) fn snapshots(
        self,
        client_us: i64,
        max_streams: usize,
    ) -> Result<Snapshots<'a>, Rejected> {
        let objects = self.objects;
        if objects.iter().any(|object| object.id.is_empty() || object.id.len() > MAX_TEXT) {
            let detail = format!("report: an id that is empty or longer than {MAX_TEXT} bytes");
            return Err(Rejected::new(Reason::BadValue, detail));
        }
        check(objects.iter(), max_streams)?;
        let objects = Index::new(&objects);
        let streams = objects.all.iter().filter_map(|object| stream(object, &objects, client_us));
        Ok((streams.collect(), pair(&objects, client_us)))
    }
}

fn stream<'a>(object: &Object<'a>, objects: &Index<'_, 'a>, client_us: i64) -> Option<Stream<'a>> {
    let (direction, told, told_remotely) = match object.of {
        Type::Counting(Told::Inbound) => (Direction::Inbound, Told::Inbound, Told::RemoteOutbound),
        Type::Counting(Told::Outbound) => {
            (Direction::Outbound, Told::Outbound, Told::RemoteInbound)
        }
        _ => return None,
    };
    let codec = objects.find(Type::Codec, object.codec_id.as_deref());
    let mime_type = codec.and_then(|codec| codec.mime_type.as_deref());
    let of_codec = || mime_type?.split_once('/').map(|(kind, _)| kind);
    let kind = match object.kind.as_deref().or_else(of_codec) {
        Some("audio") => Kind::Audio,
        Some("video") => Kind::Video,
        _ => return None,
    };
    let mut values = Values::EMPTY;
    if let Some(track) = objects.find(Type::Track, object.track_id.as_deref()) {
        values.take(&track.values, told);
    }
    values.take(&object.values, told);
    let remote = objects.far_end(object, told_remotely);
    if let Some(remote) = remote {
        values.take(&remote.values, told_remotely);
        if let Some(remote_us) = remote.timestamp_us.filter(|_| told == Told::Outbound) {
            values.put(Counter::RemoteTime, remote_us);
        }
    }
    Some(Stream {
        stats_id: object.id.clone(),
        ssrc: object.ssrc,
        kind,
        direction,
        codec: codec.and_then(|codec| codec.mime_type.clone()),
        screen_share: object.screen_share.filter(|_| kind == Kind::Video),
        client_us: object.timestamp_us.unwrap_or(client_us),
        values,
    })
}

/// The selected pair: the transport names it; Firefox marks it; elsewhere it is the nominated one
/// that succeeded.
fn pair<'a>(objects: &Index<'_, 'a>, client_us: i64) -> Option<Pair<'a>> {
    let of_pairs = Type::Counting(Told::Pair);
    let mut pairs = objects.all.iter().filter(|object| object.is(of_pairs));
    let transports = objects.all.iter().filter(|object| object.is(Type::Transport));
    let named = transports.clone().find_map(|transport| {
        Some((transport, objects.find(of_pairs, transport.selected_pair_id.as_deref())?))
    });
    let transport = named.map(|(transport, _)| transport).or_else(|| transports.clone().next());
    let object =
        named.map(|(_, pair)| pair).or_else(|| pairs.clone().find(|pair| pair.selected)).or_else(
            || pairs.find(|pair| pair.nominated && pair.state.as_deref() == Some("succeeded")),
        )?;
    let local = objects.find(Type::Candidate, object.local_id.as_deref());
    let remote = objects.find(Type::Candidate, object.remote_id.as_deref());
    let mut values = Values::EMPTY;
    values.take(&object.values, Told::Pair);
    let of_transport = transport.map(|transport| {
        let mut values = Values::EMPTY;
        values.take(&transport.values, Told::Transport);
        Transport { stats_id: transport.id.clone(), values }
    });
    Some(Pair {
        stats_id: object.id.clone(),
        client_us: object.timestamp_us.unwrap_or(client_us),
        values,
        local_candidate_type: local.and_then(|candidate| candidate.candidate_type.clone()),
        remote_candidate_type: remote.and_then(|candidate| candidate.candidate_type.clone()),
        protocol: local.and_then(|candidate| candidate.protocol.clone()),
        relay_protocol: local.and_then(|candidate| candidate.relay_protocol.clone()),
        network_type: local.and_then(|candidate| candidate.network_type.clone()),
        available_outgoing_bitrate: object.outgoing_bitrate.and_then(|rate| whole(rate, 1.0)),
        transport: of_transport.filter(|transport| transport.values != Values::EMPTY),
        ice_state: transport.and_then(|transport| transport.ice_state.clone()),
        dtls_state: transport.and_then(|transport| transport.dtls_state.clone()),
    })
}
