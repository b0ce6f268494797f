//! Content of a raw record, independent of its format.

use std::borrow::Cow;

use schemas::{Claim, Direction, EventKind, Kind};

use crate::counters::Values;

/// One raw event, borrowed from its record.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    /// Kind of the event.
    pub(crate) kind: EventKind,
    /// True if the format reports the current state of the peer connection without the previous
    /// one. Then earlier events decide whether connected is a set-up or a reconnection.
    pub(crate) is_state: bool,
    /// All events, in order, of a record with several events; `kind` is then not stats.
    pub(crate) all: Vec<Happened<'a>>,
    /// Application.
    pub(crate) app: Cow<'a, str>,
    /// Call.
    pub(crate) call: Cow<'a, str>,
    /// Participant; app, call and participant are the session.
    pub(crate) participant: Cow<'a, str>,
    /// The client's name for its RTCPeerConnection, empty if it has only one.
    pub(crate) peer_connection: Cow<'a, str>,
    /// Time of the event by the client's clock, us since the Unix epoch.
    pub(crate) client_us: i64,
    /// Correction of the client's clock: received_at - sent_at, us.
    pub(crate) shift_us: i64,
    /// Time by which the corrected clock was ahead of the log, us; it is already subtracted from
    /// `shift_us`.
    pub(crate) ahead_us: i64,
    /// The client's IP address.
    pub(crate) client_address: Option<Cow<'a, str>>,
    /// Place as claimed by the client's side.
    pub(crate) claim: Option<Claim>,
    /// Serving edge.
    pub(crate) edge: Option<Cow<'a, str>>,
    /// Release of the client.
    pub(crate) client_version: Option<Cow<'a, str>>,
    /// User agent.
    pub(crate) user_agent: Option<Cow<'a, str>>,
    /// connected: ms from joining to ICE connected; failed: ms from opening to failing.
    pub(crate) time_to_connect_ms: Option<i64>,
    /// connected: ms from joining to the first media.
    pub(crate) time_to_media_ms: Option<i64>,
    /// failed, device_failed: the client's reason.
    pub(crate) failure_reason: Option<Cow<'a, str>>,
    /// device_failed: audio for a microphone, video for a camera.
    pub(crate) failed_device: Option<Kind>,
    /// feedback: 1 to 5.
    pub(crate) rating: Option<i32>,
    /// stats: one snapshot of every RTP stream.
    pub(crate) streams: Vec<Stream<'a>>,
    /// stats: the selected candidate pair of each transport.
    pub(crate) pairs: Vec<Pair<'a>>,
    /// Further peer connections of the same record.
    pub(crate) more: Vec<Connection<'a>>,
}

/// One of several events of a record.
#[derive(Clone, Debug)]
pub(crate) struct Happened<'a> {
    /// As [`Event::kind`].
    pub(crate) kind: EventKind,
    /// As [`Event::is_state`].
    pub(crate) is_state: bool,
    /// Its peer connection; if none, that of the [`Event`].
    pub(crate) connection: Option<Cow<'a, str>>,
    /// Time by the client's clock, us since the Unix epoch.
    pub(crate) client_us: i64,
}

/// Snapshots of a peer connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection<'a> {
    /// The client's name for its RTCPeerConnection.
    pub(crate) id: Cow<'a, str>,
    /// One snapshot of every RTP stream.
    pub(crate) streams: Vec<Stream<'a>>,
    /// The selected candidate pair of each transport.
    pub(crate) pairs: Vec<Pair<'a>>,
}

impl<'a> Event<'a> {
    /// Creates an empty stats event at `client_us`.
    pub(crate) const fn new(client_us: i64) -> Self {
        Self {
            kind: EventKind::Stats,
            is_state: false,
            all: Vec::new(),
            app: Cow::Borrowed(""),
            call: Cow::Borrowed(""),
            participant: Cow::Borrowed(""),
            peer_connection: Cow::Borrowed(""),
            client_us,
            shift_us: 0,
            ahead_us: 0,
            client_address: None,
            claim: None,
            edge: None,
            client_version: None,
            user_agent: None,
            time_to_connect_ms: None,
            time_to_media_ms: None,
            failure_reason: None,
            failed_device: None,
            rating: None,
            streams: Vec::new(),
            pairs: Vec::new(),
            more: Vec::new(),
        }
    }

    /// Sets the snapshots of a record's peer connections.
    pub(crate) fn connections(&mut self, connections: Vec<Connection<'a>>) {
        let mut connections = connections.into_iter();
        if let Some(first) = connections.next() {
            self.peer_connection = first.id;
            self.streams = first.streams;
            self.pairs = first.pairs;
        }
        self.more = connections.collect();
    }

    /// Assigns the event to the peer connection `id`.
    pub(crate) fn concerns(&mut self, id: Cow<'a, str>) {
        let at = self.more.iter().position(|connection| connection.id == id);
        let of = at
            .map_or_else(|| Connection { id, ..Connection::default() }, |at| self.more.remove(at));
        let first = Connection {
            id: std::mem::replace(&mut self.peer_connection, of.id),
            streams: std::mem::replace(&mut self.streams, of.streams),
            pairs: std::mem::replace(&mut self.pairs, of.pairs),
        };
        self.more.insert(0, first);
    }
}

impl Event<'_> {
    /// Returns whether it contains snapshots.
    pub(crate) fn has_snapshots(&self) -> bool {
        let mut more = self.more.iter();
        !self.streams.is_empty()
            || !self.pairs.is_empty()
            || more.any(|connection| !connection.streams.is_empty() || !connection.pairs.is_empty())
    }

    /// Returns the times of all snapshots.
    pub(crate) fn snapshot_clocks(&mut self) -> impl Iterator<Item = &mut i64> {
        let more = self.more.iter_mut().flat_map(|connection| {
            let streams = connection.streams.iter_mut().map(|stream| &mut stream.client_us);
            streams.chain(connection.pairs.iter_mut().map(|pair| &mut pair.client_us))
        });
        let streams = self.streams.iter_mut().map(|stream| &mut stream.client_us);
        streams.chain(self.pairs.iter_mut().map(|pair| &mut pair.client_us)).chain(more)
    }

    /// Returns the times of all further events.
    pub(crate) fn happened_clocks(&mut self) -> impl Iterator<Item = &mut i64> {
        self.all.iter_mut().map(|happened| &mut happened.client_us)
    }

    /// Removes streams of unknown media kind, and returns their number.
    pub(crate) fn leave_out_kindless(&mut self) -> u64 {
        let more = self.more.iter_mut().map(|connection| &mut connection.streams);
        let all = std::iter::once(&mut self.streams).chain(more);
        let left_out = all.map(|streams| {
            let before = streams.len();
            streams.retain(|stream| stream.kind != Kind::None);
            before - streams.len()
        });
        left_out.sum::<usize>() as u64
    }

    /// Returns the event time, us since the Unix epoch.
    pub(crate) const fn event_us(&self) -> i64 {
        self.client_us + self.shift_us
    }

    /// Returns the event time before it was limited to the log's time, us since the Unix epoch.
    pub(crate) const fn claimed_us(&self) -> i64 {
        self.event_us().saturating_add(self.ahead_us)
    }
}

/// A snapshot of an RTP stream, with the remote end's counters.
#[derive(Clone, Debug)]
pub(crate) struct Stream<'a> {
    /// id of its stats object.
    pub(crate) stats_id: Cow<'a, str>,
    /// RTP synchronisation source, 0 if not reported.
    pub(crate) ssrc: i64,
    /// Media kind; none if unknown.
    pub(crate) kind: Kind,
    /// Direction, seen from the client.
    pub(crate) direction: Direction,
    /// mimeType of its codec.
    pub(crate) codec: Option<Cow<'a, str>>,
    /// True if contentType is screenshare.
    pub(crate) screen_share: Option<bool>,
    /// True if packets flow but the endpoint has never coded a frame or sample: its 0 frames or samples
    /// are not a measurement.
    pub(crate) is_uncoded: bool,
    /// Position of its transport's pair among those of the peer connection.
    pub(crate) path: Option<usize>,
    /// Time of the snapshot by the client's clock, us since the Unix epoch.
    pub(crate) client_us: i64,
    /// Its counters.
    pub(crate) values: Values,
}

/// A snapshot of the selected ICE candidate pair of a transport. It has no fields for addresses, so
/// none can be passed on.
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    /// id of its stats object.
    pub(crate) stats_id: Cow<'a, str>,
    /// Time of the snapshot by the client's clock, us since the Unix epoch.
    pub(crate) client_us: i64,
    /// Its counters.
    pub(crate) values: Values,
    /// candidateType of the local candidate.
    pub(crate) local_candidate_type: Option<Cow<'a, str>>,
    /// candidateType of the remote candidate.
    pub(crate) remote_candidate_type: Option<Cow<'a, str>>,
    /// protocol of the local candidate.
    pub(crate) protocol: Option<Cow<'a, str>>,
    /// relayProtocol of the local candidate, or the protocol of the hop to the relay in its url.
    pub(crate) relay_protocol: Option<Cow<'a, str>>,
    /// networkType of the local candidate.
    pub(crate) network_type: Option<Cow<'a, str>>,
    /// availableOutgoingBitrate, bit/s.
    pub(crate) available_outgoing_bitrate: Option<i64>,
    /// Its transport, if that has counters.
    pub(crate) transport: Option<Transport<'a>>,
    /// iceState of the transport.
    pub(crate) ice_state: Option<Cow<'a, str>>,
    /// dtlsState of the transport.
    pub(crate) dtls_state: Option<Cow<'a, str>>,
}

/// A snapshot of the transport of a candidate pair.
#[derive(Clone, Debug)]
pub(crate) struct Transport<'a> {
    /// id of its stats object.
    pub(crate) stats_id: Cow<'a, str>,
    /// Its counters.
    pub(crate) values: Values,
}
