//! Kinds of faults: name, what it breaks, how long it lasts.

use std::time::Duration;

use super::fleet::STALL;

/// The start of a service, and of a group whose former members expire.
const RESTART: Duration = Duration::from_secs(45);

/// Component that faults break independently of other groups. Faults of one group are sequential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultGroup {
    /// Exclusive faults of any kind.
    Alone,
    Services,
    Brokers,
    ClickHouse,
    Links,
    LookUp,
    Records,
    Host,
}

macro_rules! kinds {
    ($($kind:ident $name:literal $lane:ident $least:literal..$most:literal $words:literal,)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Kind {
            $(#[doc = $words] $kind,)*
        }

        impl Kind {
            /// All kinds.
            pub(super) const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            /// Returns its name.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Returns its description.
            pub(super) const fn words(self) -> &'static str {
                match self { $(Self::$kind => $words,)* }
            }

            /// Returns its fault group.
            pub(super) const fn lane(self) -> FaultGroup {
                match self { $(Self::$kind => FaultGroup::$lane,)* }
            }

            /// Returns its minimum and maximum duration.
            pub(super) const fn lasts(self) -> (Duration, Duration) {
                match self {
                    $(Self::$kind => (Duration::from_secs($least), Duration::from_secs($most)),)*
                }
            }
        }
    };
}

kinds! {
    KillService "kill-service" Services 1..3 "an instance of a service is killed",
    KillAll "kill-all" Services 1..3 "all instances of all services are killed at once",
    Zombie "zombie" Services 13..25 "an instance stands still past its session, and then goes on",
    Storm "rebalance-storm" Services 12..45 "an instance starts or stops every 3 s",
    Scale "scale" Services 12..60 "a service has one instance, then three, then one",
    Abort "abort" Services 4..15 "an instance aborts at an edge of acknowledging, committing or writing",
    Rewind "rewind" Services 1..2 "a group is set back",
    KillBroker "kill-broker" Brokers 3..20 "a broker is killed",
    KillCoordinator "kill-coordinator" Brokers 3..20 "the coordinator of a group is killed",
    Replication "replication" Brokers 4..15 "a node and the others do not hear each other",
    Fenced "fenced-broker" Brokers 12..25 "brokers live, but their controller holds them to be gone",
    DeadLettersAway "dead-letters-away" Brokers 5..30 "the topic of dead letters takes none",
    ClickHouseKilled "clickhouse-killed" ClickHouse 4..30 "ClickHouse is killed while it inserts, and again",
    ClickHouseAway "clickhouse-away" ClickHouse 8..180 "ClickHouse is gone",
    ClickHouseReadOnly "clickhouse-read-only" ClickHouse 4..30 "tables take no inserts",
    ClickHouseSlow "clickhouse-slow" ClickHouse 5..45 "ClickHouse stands still nine tenths of the time",
    ClickHouseFull "clickhouse-full" ClickHouse 4..30 "ClickHouse has no room on its disk",
    Cut "cut" Links 2..10 "connections are closed, and new ones too",
    Delay "delay" Links 4..20 "what is sent arrives 0.1 to 1 s later",
    BlackHole "black-hole" Links 4..15 "nothing that is sent arrives, and nobody is told",
    HalfOpen "half-open" Links 1..3 "connections are closed on one side only",
    LookUpRemoved "look-up-removed" LookUp 4..20 "a file of look-up data is removed",
    LookUpCorrupt "look-up-corrupt" LookUp 4..20 "a file of look-up data is cut off or overwritten",
    LookUpSwapped "look-up-swapped" LookUp 1..2 "a file of look-up data is replaced by a copy",
    Poison "poison" Records 1..3 "records that nobody can read, with headers and keys that nobody can read",
    Oversized "oversized" Records 1..2 "records larger than ingest takes, up to what the topic takes",
    Bomb "zip-bomb" Records 1..2 "records that are small only as long as they are packed",
    OneCall "one-call" Records 15..60 "nine sessions of ten are in one call",
    HostStopped "host-stopped" Host 5..90 "the machine stands still, with every process on it",
}

impl Kind {
    /// Returns the kind of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the documented maximum delay of fresh rows after the end of an exclusive fault, if
    /// there is one.
    pub(super) fn recovers_within(self) -> Option<Duration> {
        // A stall is detected after the setting, and a new client is tried for as long again at
        // most; then the service starts, and its group forms.
        (self == Self::Fenced).then_some(STALL + RESTART)
    }
}
