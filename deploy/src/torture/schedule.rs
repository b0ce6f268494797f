//! When which fault comes: a function of the seed, the length of the run and the kinds asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::faults::{Kind, Lane};

/// Before the first fault something has to be there to be lost.
const WARM_UP: Duration = Duration::from_secs(8);
/// A run so short has short pauses, so that every kind comes up.
const SHORT: Duration = Duration::from_secs(240);

/// A fault to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Since the start of the run.
    pub(super) at: Duration,
    pub(super) kind: Kind,
    /// From its injection to its healing.
    pub(super) lasts: Duration,
    /// Of all that is random in it: whom it hits, and how.
    pub(super) seed: u64,
}

/// All faults of a run, in the order of time. Those of a lane follow one another; lanes do not
/// wait for each other.
pub(super) fn plan(seed: u64, duration: Duration, kinds: &[Kind]) -> Vec<Planned> {
    let mut lanes: BTreeMap<Lane, Vec<Kind>> = BTreeMap::new();
    for kind in kinds {
        lanes.entry(kind.lane()).or_default().push(*kind);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all: Vec<Planned> = Vec::new();
    for kinds in lanes.values() {
        all.extend(lane(rng.random(), duration, kinds));
    }
    all.sort_by_key(|planned| (planned.at, planned.kind));
    all
}

/// Faults of one lane: every kind once before any comes again.
fn lane(seed: u64, duration: Duration, kinds: &[Kind]) -> Vec<Planned> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let pause = if duration < SHORT { 500..3_000 } else { 5_000..45_000 };
    let mut at = WARM_UP;
    let mut planned = Vec::new();
    loop {
        let mut round = kinds.to_vec();
        round.shuffle(&mut rng);
        for kind in round {
            at += Duration::from_millis(rng.random_range(pause.clone()));
            let lasts = length(kind, duration, &mut rng);
            if at + lasts > duration {
                return planned;
            }
            planned.push(Planned { at, kind, lasts, seed: rng.random() });
            at += lasts;
        }
    }
}

/// Long faults are for long runs.
fn length(kind: Kind, duration: Duration, rng: &mut ChaCha8Rng) -> Duration {
    let (least, most) = kind.lasts();
    let most = most.min(duration / 10).max(least);
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
            let mut free: BTreeMap<Lane, Duration> = BTreeMap::new();
            for planned in plan(seed, AN_HOUR, &Kind::ALL) {
                let free = free.entry(planned.kind.lane()).or_insert(WARM_UP);
                assert!(planned.at >= *free && planned.at + planned.lasts <= AN_HOUR);
                let (least, most) = planned.kind.lasts();
                assert!((least..=most).contains(&planned.lasts), "{planned:?}");
                *free = planned.at + planned.lasts;
            }
        }
    }

    #[test]
    fn ten_minutes_hold_every_kind_and_two_most() {
        for seed in 0..50 {
            let found = |duration| {
                let planned = plan(seed, duration, &Kind::ALL);
                planned.iter().map(|planned| planned.kind).collect::<BTreeSet<_>>().len()
            };
            assert_eq!(found(5 * TWO_MINUTES), Kind::ALL.len());
            assert!(found(TWO_MINUTES) >= Kind::ALL.len() - 3, "seed {seed}");
        }
    }

    #[test]
    fn only_what_is_asked_for_comes() {
        let kinds = [Kind::KillService, Kind::Cut];
        assert!(plan(1, AN_HOUR, &kinds).iter().all(|planned| kinds.contains(&planned.kind)));
    }
}
