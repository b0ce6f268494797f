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

/// Names that are read, each at a place of its own: a report has hundreds of members, most of which
/// are not read, and one look tells which.
struct Names {
    /// Multiplies what [`place`] looks at, so that no two names meet.
    factor: u64,
    /// By place, the number of a name; [`NOTHING`] where there is none.
    numbers: [u8; PLACES],
    names: Vec<(&'static str, Member)>,
}

/// Several times as many as there are names, so that a factor is soon found.
const PLACES: usize = 1024;
const NOTHING: u8 = u8::MAX;

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let counters = Counter::members().map(|(name, counter)| (name, Member::Counter(counter)));
    let fields = OTHERS.into_iter().map(|(name, field)| (name, Member::Field(field)));
    let names: Vec<_> = fields.chain(counters).chain([(DURATIONS, Member::Durations)]).collect();
    // Of some dozens of factors one does; that there is one, a test knows.
    let mut factors = (1..10_000).map(|number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let found = factors.find_map(|factor| Some((factor, placed(&names, factor)?)));
    let (factor, numbers) = found.unwrap_or((1, [NOTHING; PLACES]));
    Names { factor, numbers, names }
});

/// Every name at its place, unless two have the same.
fn placed(names: &[(&str, Member)], factor: u64) -> Option<[u8; PLACES]> {
    let mut numbers = [NOTHING; PLACES];
    for (number, (name, _)) in names.iter().enumerate() {
        let taken = &mut numbers[place(name.as_bytes(), factor)];
        if *taken != NOTHING {
            return None;
        }
        *taken = u8::try_from(number).ok().filter(|number| *number != NOTHING)?;
    }
    Some(numbers)
}

/// Where a name is, if it is one that is read: by its length and both ends.
fn place(name: &[u8], factor: u64) -> usize {
    let (first, last) = match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (name.iter().fold(0, |seen, byte| seen << 8 | u64::from(*byte)), 0),
    };
    let seen = first ^ last.rotate_left(29) ^ name.len() as u64;
    (seen.wrapping_mul(factor) >> (u64::BITS - PLACES.ilog2())) as usize
}

static DURATION_MEMBERS: LazyLock<Vec<(&str, Counter)>> = LazyLock::new(|| {
    let inner = |name: &'static str| name.strip_prefix(DURATIONS)?.strip_prefix('.');
    Counter::members().filter_map(|(name, counter)| Some((inner(name)?, counter))).collect()
});

impl Member {
    /// The member called `name`, if it is one that is read.
    pub(super) fn named(name: &str) -> Option<Self> {
        let Names { factor, numbers, names } = &*NAMES;
        let number = numbers[place(name.as_bytes(), *factor)];
        let (known, member) = names.get(usize::from(number))?;
        (*known == name).then_some(*member)
    }
}

/// The counter that member `name` of `qualityLimitationDurations` tells.
pub(super) fn duration(name: &str) -> Option<Counter> {
    DURATION_MEMBERS.iter().find(|(known, _)| *known == name).map(|(_, counter)| *counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_read_is_found_and_no_other() {
        for (name, member) in &NAMES.names {
            assert_eq!(Member::named(name), Some(*member), "{name}");
            for other in [format!("{name}s"), name[1..].to_owned(), name.to_uppercase()] {
                let known = NAMES.names.iter().find(|(known, _)| *known == other);
                assert_eq!(Member::named(&other), known.map(|(_, member)| *member), "{other}");
            }
        }
        assert_eq!(Member::named(""), None);
    }
}
