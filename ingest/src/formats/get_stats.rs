//! A W3C getStats report (RTCStatsReport): from stats objects to snapshots of streams.
//!
//! What is read is a list of member names; addresses, SDP and certificates are not on it.

use schemas::{Direction, Kind};

use self::object::{Object, Type};
pub(super) use self::report::GetStats;
use super::{Reason, Rejected};
use crate::counters::{Counter, Told, Values, whole};
use crate::event::{Pair, Stream};

mod members;
mod object;
mod report;

/// Ids and other texts of stats objects: browsers stay well under it.
const MAX_TEXT: usize = 256;

impl<'a> GetStats<'a> {
    /// Snapshots of the RTP streams and of the selected candidate pair. Objects that tell no time
    /// of their own were taken at `client_us`.
    pub(super) fn snapshots(
        self,
        client_us: i64,
        max_streams: usize,
    ) -> Result<(Vec<Stream<'a>>, Option<Pair<'a>>), Rejected> {
        let objects = match self {
            Self::Objects(objects) => objects,
            Self::Missing => return Err(Rejected::new(Reason::MissingField, "report")),
            Self::Wrong => {
                return Err(Rejected::new(Reason::BadValue, "report: neither object nor array"));
            }
        };
        if objects.iter().any(|object| object.id.is_empty() || object.id.len() > MAX_TEXT) {
            let detail = format!("report: an id that is empty or longer than {MAX_TEXT} bytes");
            return Err(Rejected::new(Reason::BadValue, detail));
        }
        for told in [Told::Inbound, Told::Outbound, Told::RemoteInbound, Told::RemoteOutbound] {
            let of_type = objects.iter().filter(|object| object.is(Type::Counting(told)));
            if of_type.count() > max_streams {
                let detail = format!("report: more than {max_streams} streams of one type");
                return Err(Rejected::new(Reason::TooLarge, detail));
            }
        }
        let streams = objects.iter().filter_map(|object| stream(object, &objects, client_us));
        Ok((streams.collect(), pair(&objects, client_us)))
    }
}

fn stream<'a>(object: &Object<'a>, objects: &[Object<'a>], client_us: i64) -> Option<Stream<'a>> {
    let (direction, told, told_remotely) = match object.of {
        Type::Counting(Told::Inbound) => (Direction::Inbound, Told::Inbound, Told::RemoteOutbound),
        Type::Counting(Told::Outbound) => {
            (Direction::Outbound, Told::Outbound, Told::RemoteInbound)
        }
        _ => return None,
    };
    let kind = match object.kind.as_deref() {
        Some("audio") => Kind::Audio,
        Some("video") => Kind::Video,
        _ => return None,
    };
    let mut values = Values::EMPTY;
    values.take(&object.values, told);
    let remote = objects
        .iter()
        .filter(|remote| remote.is(Type::Counting(told_remotely)))
        .find(|remote| object.is_far_end(remote));
    if let Some(remote) = remote {
        values.take(&remote.values, told_remotely);
        if let Some(remote_us) = remote.timestamp_us.filter(|_| told == Told::Outbound) {
            values.put(Counter::RemoteTime, remote_us);
        }
    }
    let codec = find(objects, Type::Codec, object.codec_id.as_deref());
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

impl Object<'_> {
    /// True if `remote` is what the far end told of the same stream.
    fn is_far_end(&self, remote: &Object<'_>) -> bool {
        (self.ssrc != 0 && self.ssrc == remote.ssrc)
            || remote.local_id.as_ref() == Some(&self.id)
            || self.remote_id.as_ref() == Some(&remote.id)
    }
}

fn find<'o, 'a>(objects: &'o [Object<'a>], of: Type, id: Option<&str>) -> Option<&'o Object<'a>> {
    let id = id?;
    objects.iter().find(|object| object.is(of) && object.id == id)
}

/// The selected pair: the transport names it; Firefox marks it; elsewhere it is the nominated one
/// that succeeded.
fn pair<'a>(objects: &[Object<'a>], client_us: i64) -> Option<Pair<'a>> {
    let of_pairs = Type::Counting(Told::Pair);
    let mut pairs = objects.iter().filter(|object| object.is(of_pairs));
    let transports = objects.iter().filter(|object| object.is(Type::Transport));
    let named = transports.clone().find_map(|transport| {
        Some((transport, find(objects, of_pairs, transport.selected_pair_id.as_deref())?))
    });
    let transport = named.map(|(transport, _)| transport).or_else(|| transports.clone().next());
    let object =
        named.map(|(_, pair)| pair).or_else(|| pairs.clone().find(|pair| pair.selected)).or_else(
            || pairs.find(|pair| pair.nominated && pair.state.as_deref() == Some("succeeded")),
        )?;
    let local = find(objects, Type::Candidate, object.local_id.as_deref());
    let remote = find(objects, Type::Candidate, object.remote_id.as_deref());
    let mut values = Values::EMPTY;
    values.take(&object.values, Told::Pair);
    if let Some(transport) = transport {
        values.take(&transport.values, Told::Pair);
    }
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
        ice_state: transport.and_then(|transport| transport.ice_state.clone()),
        dtls_state: transport.and_then(|transport| transport.dtls_state.clone()),
    })
}
