//! Schedule of faults: a function of the seed, the duration of the run and the selected kinds.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::kind::{FaultGroup, Kind};

/// Time before the first fault, in which there is data that can be lost.
const WARM_UP: Duration = Duration::from_secs(8);
/// Duration below which a run has short pauses, so that every kind occurs, and no exclusive faults.
const SHORT: Duration = Duration::from_secs(240);
/// Duration up to which pauses are chosen so that most kinds occur in half of the run.
const MIDDLING: Duration = Duration::from_secs(1200);

/// A planned fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Time since the start of the run.
    pub(super) at: Duration,
    pub(super) kind: Kind,
    pub(super) lane: FaultGroup,
    /// Time from its injection to its healing.
    pub(super) lasts: Duration,
    /// Seed of the random choices of the fault, such as its target.
    pub(super) seed: u64,
}

/// Time at which faults stop being exclusive.
pub(super) fn alone_until(duration: Duration) -> Duration {
    if duration < SHORT { Duration::ZERO } else { duration / 2 }
}

/// Returns all faults of a run, in the order of time. In the first half, except in short runs,
/// faults are exclusive, which shows the recovery time of each. After that the faults of each group
/// are sequential, and groups are independent.
pub(super) fn plan(seed: u64, duration: Duration, kinds: &[Kind]) -> Vec<Planned> {
    let mut lanes: BTreeMap<FaultGroup, Vec<Kind>> = BTreeMap::new();
    for kind in kinds {
        lanes.entry(kind.lane()).or_default().push(*kind);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let half = alone_until(duration);
    let mut all: Vec<Planned> = Vec::new();
    if !half.is_zero() && !kinds.is_empty() {
        let span =
            Span { from: WARM_UP, to: half, lane: FaultGroup::Alone, pause_ms: 2_000..8_000 };
        all.extend(span.faults(rng.random(), kinds));
    }
    let pause_ms = match duration {
        _ if duration < SHORT => 500..3_000,
        _ if duration < MIDDLING => 1_000..10_000,
        _ => 5_000..45_000,
    };
    for (lane, kinds) in lanes {
        let from = half.max(WARM_UP);
        let span = Span { from, to: duration, lane, pause_ms: pause_ms.clone() };
        all.extend(span.faults(rng.random(), &kinds));
    }
    all.sort_by_key(|planned| (planned.at, planned.kind));
    all
}

/// A period with faults of a group.
struct Span {
    from: Duration,
    to: Duration,
    lane: FaultGroup,
    pause_ms: Range<u64>,
}

impl Span {
    /// Returns the faults: every kind once before any kind is repeated.
    fn faults(&self, seed: u64, kinds: &[Kind]) -> Vec<Planned> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut at = self.from;
        let mut planned = Vec::new();
        // The first half may have ended with a pause of the host.
        let first = self.from <= WARM_UP;
        let stopped_before = if first { Duration::ZERO } else { Kind::HostStopped.lasts().1 };
        let (mut stopped_until, mut stopped_for) = (self.from, stopped_before);
        loop {
            let mut round = kinds.to_vec();
            round.shuffle(&mut rng);
            for kind in round {
                at += Duration::from_millis(rng.random_range(self.pause_ms.clone()));
                let lasts = length(kind, self.to, &mut rng);
                if kind == Kind::HostStopped {
                    at = at.max(stopped_until + rest(stopped_for, lasts));
                    (stopped_until, stopped_for) = (at + lasts, lasts);
                }
                if at + lasts > self.to {
                    return planned;
                }
                planned.push(Planned { at, kind, lane: self.lane, lasts, seed: rng.random() });
                at += lasts;
            }
        }
    }
}

/// Returns the time that a machine must run between two pauses. The data that clients could not send
/// during a pause must arrive before the next one; otherwise both together exceed
/// `ingest.look_back_s`, and streams restart.
fn rest(before: Duration, after: Duration) -> Duration {
    (before.max(after) / 2).max(Duration::from_secs(5))
}

/// Returns the duration of a fault. Long faults occur only in long runs.
fn length(kind: Kind, duration: Duration, rng: &mut ChaCha8Rng) -> Duration {
    let (least, most) = kind.lasts();
    // A stopped host excludes all other faults.
    let share = if kind == Kind::HostStopped { 6 } else { 10 };
    let most = most.min(duration / share).max(least);
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rng.random_range(ms(least)..=ms(most)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TWO_MINUTES: Duration = Duration::from_secs(120);
    const AN_HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_seed_is_a_schedule() {
        assert_eq!(plan(7, AN_HOUR, &Kind::ALL), plan(7, AN_HOUR, &Kind::ALL));
        assert_ne!(plan(7, AN_HOUR, &Kind::ALL), plan(8, AN_HOUR, &Kind::ALL));
    }

    #[test]
    fn faults_of_a_lane_do_not_overlap_and_end_before_the_run_does() {
        for seed in 0..50 {
            let mut free: BTreeMap<FaultGroup, Duration> = BTreeMap::new();
            for planned in plan(seed, AN_HOUR, &Kind::ALL) {
                let free = free.entry(planned.lane).or_insert(WARM_UP);
                assert!(planned.at >= *free && planned.at + planned.lasts <= AN_HOUR);
                let (least, most) = planned.kind.lasts();
                assert!((least..=most).contains(&planned.lasts), "{planned:?}");
                *free = planned.at + planned.lasts;
            }
        }
    }

    #[test]
    fn nearly_all_kinds_come_up_even_in_two_minutes() {
        for seed in 0..50 {
            let found = |duration| {
                let planned = plan(seed, duration, &Kind::ALL);
                planned.iter().map(|planned| planned.kind).collect::<BTreeSet<_>>().len()
            };
            assert!(found(5 * TWO_MINUTES) >= Kind::ALL.len() - 1, "seed {seed}");
            assert!(found(TWO_MINUTES) >= Kind::ALL.len() - 3, "seed {seed}");
        }
    }

    #[test]
    fn in_the_first_half_of_an_hour_one_fault_comes_at_a_time() {
        let half = alone_until(AN_HOUR);
        for planned in plan(3, AN_HOUR, &Kind::ALL) {
            let until = planned.at + planned.lasts;
            assert_eq!(planned.lane == FaultGroup::Alone, until <= half, "{planned:?}");
        }
    }

    #[test]
    fn a_machine_runs_between_two_pauses() {
        for seed in 0..50 {
            let stops = plan(seed, 5 * TWO_MINUTES, &[Kind::HostStopped]);
            assert!(stops.len() >= 4, "seed {seed}: {}", stops.len());
            for (stop, next) in stops.iter().zip(&stops[1..]) {
                let rests = next.at - (stop.at + stop.lasts);
                assert!(rests >= stop.lasts.max(next.lasts) / 2, "seed {seed}: {stop:?}");
            }
        }
    }

    #[test]
    fn only_requested_kinds_occur() {
        let kinds = [Kind::KillService, Kind::Cut];
        assert!(plan(1, AN_HOUR, &kinds).iter().all(|planned| kinds.contains(&planned.kind)));
    }
}
