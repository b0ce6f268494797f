//! Members of stats objects that are read.

use std::sync::LazyLock;

use crate::counters::Counter;

/// A member of a stats object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// A member with a scalar.
    Field(Field),
    /// A counter.
    Counter(Counter),
    /// `qualityLimitationDurations`, an object of durations
    Durations,
    /// `values` or `members`, which contain the rest of a stats object in native SDKs
    Nested,
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
    /// `transportId`
    TransportId,
    /// `url` of a candidate: the server that gave it
    Url,
    /// `mediaSourceId`
    SourceId,
    /// `trackId`, the id of the `track` object that browsers had until 2023
    TrackId,
    /// `isRemote`, which marked remote streams before they had types of their own
    IsRemote,
    /// `iceState`
    IceState,
    /// `dtlsState`
    DtlsState,
    /// `contentType`
    ContentType,
    /// Members that only a coder counts: if one is above 0, frames are counted as well
    Coded,
    /// `peerConnectionId`, where objects of several are in one list
    ConnectionId,
}

const DURATIONS: &str = "qualityLimitationDurations";

const NESTED: [&str; 2] = ["values", "members"];

const OTHERS: [(&str, Field); 37] = [
    ("type", Field::Type),
    ("id", Field::Id),
    ("timestamp", Field::Timestamp),
    ("timestampUs", Field::Timestamp),
    ("timestamp_us", Field::Timestamp),
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
    ("transportId", Field::TransportId),
    ("url", Field::Url),
    ("mediaSourceId", Field::SourceId),
    ("trackId", Field::TrackId),
    ("isRemote", Field::IsRemote),
    ("iceState", Field::IceState),
    ("dtlsState", Field::DtlsState),
    ("contentType", Field::ContentType),
    ("totalDecodeTime", Field::Coded),
    ("totalEncodeTime", Field::Coded),
    ("framesReceived", Field::Coded),
    ("framesSent", Field::Coded),
    ("peerConnectionId", Field::ConnectionId),
    ("candidatePairId", Field::Id),
];

/// Perfect hash table of the names that are read. A report has hundreds of members, most of which
/// are not read; one look-up decides.
struct Names {
    /// Factor of the hash in [`Seen::place`], chosen so that no two names collide.
    factor: u64,
    /// Number of the name at each place; [`NOTHING`] if there is none.
    numbers: [u8; PLACES],
    names: Vec<Name>,
}

struct Name {
    text: &'static str,
    seen: Seen,
    member: Member,
}

/// Size of the table: several times the number of names, so that a factor is found quickly.
const PLACES: usize = 1024;
const NOTHING: u8 = u8::MAX;

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let counters = Counter::members().map(|(name, counter)| (name, Member::Counter(counter)));
    let fields = OTHERS.into_iter().map(|(name, field)| (name, Member::Field(field)));
    let names = fields.chain(counters);
    let names = names.chain([(DURATIONS, Member::Durations)]);
    let names = names.chain(NESTED.map(|name| (name, Member::Nested)));
    let name = |(text, member): (&'static str, _)| Name { text, seen: Seen::of(text), member };
    let names: Vec<_> = names.map(name).collect();
    // One of a few dozen factors fits; a test checks that there is one.
    let mut factors = (1..10_000).map(|number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let found = factors.find_map(|factor| Some((factor, placed(&names, factor)?)));
    let (factor, numbers) = found.unwrap_or((1, [NOTHING; PLACES]));
    Names { factor, numbers, names }
});

/// Returns the table for a factor, unless two names collide.
fn placed(names: &[Name], factor: u64) -> Option<[u8; PLACES]> {
    let mut numbers = [NOTHING; PLACES];
    for (number, name) in names.iter().enumerate() {
        let taken = &mut numbers[name.seen.place(factor)];
        if *taken != NOTHING {
            return None;
        }
        *taken = u8::try_from(number).ok().filter(|number| *number != NOTHING)?;
    }
    Some(numbers)
}

/// A name as machine words: comparing three words is faster than a call that compares bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    length: usize,
    /// The first, the second last and the last eight bytes. They determine a name of at most
    /// [`WHOLE`] bytes.
    words: [u64; 3],
}

const WORD: usize = size_of::<u64>();
const WHOLE: usize = 3 * WORD;

impl Seen {
    fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let length = bytes.len();
        let words = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                let before = bytes[..length - WORD].last_chunk().copied().unwrap_or_default();
                [*first, before, *last].map(u64::from_le_bytes)
            }
            _ => [bytes.iter().fold(0, |seen, byte| seen << 8 | u64::from(*byte)), 0, 0],
        };
        Self { length, words }
    }

    /// Returns the place of a name, if it is read.
    const fn place(&self, factor: u64) -> usize {
        let [first, _, last] = self.words;
        let seen = first ^ last.rotate_left(29) ^ self.length as u64;
        (seen.wrapping_mul(factor) >> (u64::BITS - PLACES.ilog2())) as usize
    }
}

static DURATION_MEMBERS: LazyLock<Vec<(&str, Counter)>> = LazyLock::new(|| {
    let inner = |name: &'static str| name.strip_prefix(DURATIONS)?.strip_prefix('.');
    Counter::members().filter_map(|(name, counter)| Some((inner(name)?, counter))).collect()
});

impl Member {
    /// Returns the member called `name`, if it is read.
    pub(super) fn named(name: &str) -> Option<Self> {
        let Names { factor, numbers, names } = &*NAMES;
        let seen = Seen::of(name);
        let known = names.get(usize::from(numbers[seen.place(*factor)]))?;
        let same = seen == known.seen && (seen.length <= WHOLE || name == known.text);
        same.then_some(known.member)
    }
}

/// Returns the counter of member `name` of `qualityLimitationDurations`.
pub(super) fn duration(name: &str) -> Option<Counter> {
    DURATION_MEMBERS.iter().find(|(known, _)| *known == name).map(|(_, counter)| *counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_read_is_found_and_no_other() {
        for Name { text, member, .. } in &NAMES.names {
            assert_eq!(Member::named(text), Some(*member), "{text}");
            let changed = |at: usize| format!("{}-{}", &text[..at], &text[at + 1..]);
            let others = [format!("{text}s"), text[1..].to_owned(), text.to_uppercase()];
            for other in others.into_iter().chain((0..text.len()).map(changed)) {
                let known = NAMES.names.iter().find(|known| known.text == other);
                let known = known.map(|known| known.member);
                assert_eq!(Member::named(&other), known, "{other}");
            }
        }
        assert_eq!(Member::named(""), None);
    }
}
