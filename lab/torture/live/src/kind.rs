//! Kinds of faults: name, fault group, duration, description.

use std::time::Duration;

use super::fleet::STALL;

/// Time of the start of a service and its group, in which former members expire.
const RESTART: Duration = Duration::from_secs(45);

/// A group of faults, by the affected component. Faults of one group are sequential; groups are
/// independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultGroup {
    /// Faults of any kind that exclude all others.
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
    Zombie "zombie" Services 13..25 "an instance is stopped for longer than its session timeout, and then continued",
    Storm "rebalance-storm" Services 12..45 "an instance is started or stopped every 3 s",
    Scale "scale" Services 12..60 "a service is scaled to one instance, to three, and to one again",
    Abort "abort" Services 4..15 "an instance aborts before or after an acknowledgement, a commit or a write",
    Rewind "rewind" Services 1..2 "the offsets of a group are set back",
    KillBroker "kill-broker" Brokers 3..20 "a broker is killed",
    KillCoordinator "kill-coordinator" Brokers 3..20 "the coordinator of a group is killed",
    Replication "replication" Brokers 4..15 "a node and the others cannot reach each other",
    Fenced "fenced-broker" Brokers 12..25 "brokers run, but the controller fences them",
    DeadLettersAway "dead-letters-away" Brokers 5..30 "the topic of dead letters refuses records",
    ClickHouseKilled "clickhouse-killed" ClickHouse 4..30 "ClickHouse is killed repeatedly while it inserts",
    ClickHouseAway "clickhouse-away" ClickHouse 8..180 "ClickHouse is stopped",
    ClickHouseReadOnly "clickhouse-read-only" ClickHouse 4..30 "tables refuse inserts",
    ClickHouseSlow "clickhouse-slow" ClickHouse 5..45 "ClickHouse is paused nine tenths of the time",
    ClickHouseFull "clickhouse-full" ClickHouse 4..30 "the disk of ClickHouse is full",
    Cut "cut" Links 2..10 "existing and new connections are closed",
    Delay "delay" Links 4..20 "data arrives 0.1 to 1 s later",
    BlackHole "black-hole" Links 4..15 "no data arrives, without any error",
    HalfOpen "half-open" Links 1..3 "connections are closed on one side only",
    LookUpRemoved "look-up-removed" LookUp 4..20 "a file of look-up data is removed",
    LookUpCorrupt "look-up-corrupt" LookUp 4..20 "a file of look-up data is truncated or overwritten",
    LookUpSwapped "look-up-swapped" LookUp 1..2 "a file of look-up data is replaced by a copy",
    Poison "poison" Records 1..3 "invalid records, with invalid headers and keys",
    Oversized "oversized" Records 1..2 "records larger than the limit of ingest, up to the limit of the topic",
    Bomb "zip-bomb" Records 1..2 "records that are small only while they are compressed",
    OneCall "one-call" Records 15..60 "nine of ten sessions are in one call",
    HostStopped "host-stopped" Host 5..90 "the machine is paused, with all processes",
}

impl Kind {
    /// Returns the kind of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the documented maximum delay of fresh rows after the end of an exclusive fault, if
    /// there is one.
    pub(super) fn recovers_within(self) -> Option<Duration> {
        // A stall is detected after `stall_s`, or twice that if a new client is not served at
        // first. Then the service restarts and its group forms.
        (self == Self::Fenced).then_some(STALL + RESTART)
    }
}
