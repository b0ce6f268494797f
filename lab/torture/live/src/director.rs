//! Injection and healing of faults according to the schedule.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use deploy::failure::{Context as _, Failure};
use stack::Progress;

use super::cluster::Cluster;
use super::fault::Fault;
use super::faults;
use super::kind::{FaultGroup, Kind};
use super::monitor::Monitor;
use super::schedule::{Planned, alone_until};
use super::secs;

/// Time in which a faulty component has to recover.
const OVER: Duration = Duration::from_secs(240);
/// Pause before the next attempt to heal a fault that could not be healed.
const RETRY: Duration = Duration::from_secs(1);

/// A fault that was injected.
struct Active {
    kind: Kind,
    alone: bool,
    fault: Box<dyn Fault>,
    heals: Instant,
    /// Time at which it was healed.
    healed: Option<Instant>,
    /// Time of the next attempt to heal it, or of the next check whether it is over.
    again: Instant,
}

/// Injects and heals faults.
pub(super) struct Director {
    pub(super) started: Instant,
    duration: Duration,
    lanes: BTreeMap<FaultGroup, VecDeque<Planned>>,
    active: BTreeMap<FaultGroup, Active>,
    pub(super) injected: BTreeMap<Kind, usize>,
}

impl Director {
    pub(super) fn new(planned: Vec<Planned>, duration: Duration) -> Self {
        let mut lanes: BTreeMap<FaultGroup, VecDeque<Planned>> = BTreeMap::new();
        for planned in planned {
            lanes.entry(planned.lane).or_default().push_back(planned);
        }
        let (active, injected) = (BTreeMap::new(), BTreeMap::new());
        Self { started: Instant::now(), duration, lanes, active, injected }
    }

    /// Returns true when no fault is left, active or scheduled.
    pub(super) fn is_done(&self) -> bool {
        self.started.elapsed() >= self.duration && self.active.is_empty() && self.lanes.is_empty()
    }

    pub(super) fn step(
        &mut self,
        cluster: &mut Cluster,
        monitor: &Monitor,
        progress: Progress<'_>,
    ) -> Result<(), Failure> {
        let lanes: Vec<FaultGroup> = self.lanes.keys().chain(self.active.keys()).copied().collect();
        for lane in lanes {
            match self.active.remove(&lane) {
                Some(active) => {
                    if let Some(active) = go_on(active, cluster, monitor)? {
                        self.active.insert(lane, active);
                    }
                }
                None => self.next(lane, cluster, monitor, progress),
            }
        }
        Ok(())
    }

    /// Injects a group's next fault if it is due.
    fn next(
        &mut self,
        lane: FaultGroup,
        cluster: &mut Cluster,
        monitor: &Monitor,
        progress: Progress<'_>,
    ) {
        let elapsed = self.started.elapsed();
        let Some(queue) = self.lanes.get_mut(&lane) else { return };
        // The last recovery may have lasted beyond the end of the run.
        let alone = lane == FaultGroup::Alone;
        if elapsed >= if alone { alone_until(self.duration) } else { self.duration } {
            queue.clear();
        }
        if queue.is_empty() {
            self.lanes.remove(&lane);
            return;
        }
        let waits = match alone {
            true => !monitor.is_fresh(),
            // No other check is possible while the host is stopped.
            false => [FaultGroup::Alone, FaultGroup::Host]
                .iter()
                .any(|other| *other != lane && self.active.contains_key(other)),
        };
        if waits || queue.front().is_some_and(|planned| planned.at > elapsed) {
            return;
        }
        let Some(Planned { kind, lasts, seed, .. }) = queue.pop_front() else { return };
        let mut fault = faults::of_kind(kind, seed, lasts);
        let whom = match fault.inject(cluster) {
            Ok(whom) => {
                *self.injected.entry(kind).or_default() += 1;
                whom
            }
            // A component that it needs may be down. Effects that it has had already are undone.
            Err(failure) => format!("could not be injected: {failure}"),
        };
        let (at, name, lasts_s) = (secs(elapsed), kind.name(), secs(lasts));
        progress(&format!("{at:7.1} s  {name}: {whom} ({lasts_s:.1} s)"));
        let now = Instant::now();
        let active = Active { kind, alone, fault, heals: now + lasts, healed: None, again: now };
        self.active.insert(lane, active);
    }
}

/// Continues a fault. Returns none once it is over.
fn go_on(
    mut active: Active,
    cluster: &mut Cluster,
    monitor: &Monitor,
) -> Result<Option<Active>, Failure> {
    let now = Instant::now();
    if now < active.heals {
        // A fault that fails now is retried later.
        let _ = active.fault.go_on(cluster);
        return Ok(Some(active));
    }
    if now < active.again {
        return Ok(Some(active));
    }
    let tried = match active.healed {
        None => active.fault.heal(cluster).map(|()| false),
        Some(_) => active.fault.is_over(cluster),
    };
    match tried {
        Ok(true) => return Ok(None),
        Ok(false) => {
            if active.healed.is_none() {
                active.healed = Some(now);
                monitor.healed(active.kind, active.alone);
            }
        }
        Err(failure) if active.heals.elapsed() > OVER => {
            let step = format!("{} cannot be undone", active.kind.name());
            return Err(failure).context(step);
        }
        Err(_) => active.again = now + RETRY,
    }
    if active.heals.elapsed() > OVER {
        return Err(Failure::Refused(format!("{} does not end", active.kind.name())));
    }
    Ok(Some(active))
}
