//! Which members of stats objects are read.

use std::sync::LazyLock;

use crate::counters::Counter;

/// A member of a stats object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// One with a scalar.
    Field(Field),
    /// A line of the table of counters.
    Counter(Counter),
    /// `qualityLimitationDurations`, an object.
    Durations,
}

/// A member with a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `type`
    Type,
    /// `id`
    Id,
    /// `timestamp`
    Timestamp,
    /// `ssrc`
    Ssrc,
    /// `kind`, or `mediaType` as it was called before
    Kind,
    /// `codecId`
    CodecId,
    /// `mimeType`
    MimeType,
    /// `localId` of remote streams, `localCandidateId` of candidate pairs
    LocalId,
    /// `remoteId` of local streams, `remoteCandidateId` of candidate pairs
    RemoteId,
    /// `selectedCandidatePairId`
    SelectedPairId,
    /// `state`
    State,
    /// `nominated`
    Nominated,
    /// `selected` (Firefox)
    Selected,
    /// `candidateType`
    CandidateType,
    /// `protocol`
    Protocol,
    /// `relayProtocol`
    RelayProtocol,
    /// `networkType`
    NetworkType,
    /// `availableOutgoingBitrate`
    OutgoingBitrate,
    /// `trackId`, the id of the `track` object that browsers had until 2023
    TrackId,
    /// `isRemote`, by which remote streams were told before they had types of their own
    IsRemote,
    /// `iceState`
    IceState,
    /// `dtlsState`
    DtlsState,
    /// `contentType`
    ContentType,
    /// `peerConnectionId`, where objects of several are in one list
    ConnectionId,
}

const DURATIONS: &str = "qualityLimitationDurations";

const OTHERS: [(&str, Field); 28] = [
    ("type", Field::Type),
    ("id", Field::Id),
    ("timestamp", Field::Timestamp),
    ("ssrc", Field::Ssrc),
    ("kind", Field::Kind),
    ("mediaType", Field::Kind),
    ("codecId", Field::CodecId),
    ("mimeType", Field::MimeType),
    ("localId", Field::LocalId),
    ("localCandidateId", Field::LocalId),
    ("remoteId", Field::RemoteId),
    ("remoteCandidateId", Field::RemoteId),
    ("selectedCandidatePairId", Field::SelectedPairId),
    ("state", Field::State),
    ("nominated", Field::Nominated),
    ("selected", Field::Selected),
    ("candidateType", Field::CandidateType),
    ("protocol", Field::Protocol),
    ("relayProtocol", Field::RelayProtocol),
    ("networkType", Field::NetworkType),
    ("availableOutgoingBitrate", Field::OutgoingBitrate),
    ("trackId", Field::TrackId),
    ("isRemote", Field::IsRemote),
    ("iceState", Field::IceState),
    ("dtlsState", Field::DtlsState),
    ("contentType", Field::ContentType),
    ("peerConnectionId", Field::ConnectionId),
    ("candidatePairId", Field::Id),
];

/// First byte of a name, the name, and what it names.
type Known = (u8, &'static str, Member);

/// Members by the length of their names, then by the first byte: a report has hundreds of members,
/// most of which are not read, and so one is told from another without comparing texts.
static BY_LENGTH: LazyLock<Vec<Vec<Known>>> = LazyLock::new(|| {
    let counters = Counter::members().map(|(name, counter)| (name, Member::Counter(counter)));
    let fields = OTHERS.into_iter().map(|(name, field)| (name, Member::Field(field)));
    let mut table = Vec::new();
    for (name, member) in fields.chain(counters).chain([(DURATIONS, Member::Durations)]) {
        table.resize_with(table.len().max(name.len() + 1), Vec::new);
        table[name.len()].push((name.as_bytes()[0], name, member));
    }
    table
});

static DURATION_MEMBERS: LazyLock<Vec<(&str, Counter)>> = LazyLock::new(|| {
    let inner = |name: &'static str| name.strip_prefix(DURATIONS)?.strip_prefix('.');
    Counter::members().filter_map(|(name, counter)| Some((inner(name)?, counter))).collect()
});

impl Member {
    /// The member called `name`, if it is one that is read.
    pub(super) fn named(name: &str) -> Option<Self> {
        let first = *name.as_bytes().first()?;
        let mut of_length = BY_LENGTH.get(name.len())?.iter();
        let same = |(byte, known, _): &&Known| *byte == first && *known == name;
        of_length.find(same).map(|(.., member)| *member)
    }
}

/// The counter that member `name` of `qualityLimitationDurations` tells.
pub(super) fn duration(name: &str) -> Option<Counter> {
    DURATION_MEMBERS.iter().find(|(known, _)| *known == name).map(|(_, counter)| *counter)
}
