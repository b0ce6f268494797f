//! Many runs.

use std::collections::HashMap;
use std::rc::Rc;

use crate::Trouble;
use crate::check::check;
use crate::cluster::Cluster;
use crate::cores::Cores;
use crate::run::{Bench, Run};
use crate::table::Tables;
use crate::world::World;

/// Number of worlds. A seed selects one, so that each truth is computed only once.
const WORLDS: u64 = 512;

/// Result of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Discrepancies; none if the run is correct.
    pub wrong: Vec<String>,
    /// Trace of the steps, on request.
    pub trace: Vec<String>,
}

/// Totals of many runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// Processes killed.
    pub kills: u64,
    /// Runs with discrepancies.
    pub wrong: u64,
}

/// Plays runs one after the other.
pub struct Campaign {
    bench: Bench,
    worlds: HashMap<u64, Rc<World>>,
}

impl Campaign {
    /// Builds the parts that all runs share.
    ///
    /// # Errors
    /// When a service cannot be built.
    pub fn new() -> Result<Self, Trouble> {
        let bench =
            Bench { cores: Cores::new()?, cluster: Cluster::default(), tables: Tables::default() };
        Ok(Self { bench, worlds: HashMap::new() })
    }

    /// Plays the run of `seed`, which is always the same.
    ///
    /// # Errors
    /// When its world cannot be built. Errors in the run itself are part of its outcome.
    pub fn run(&mut self, seed: u64, trace: bool) -> Result<Outcome, Trouble> {
        let number = seed % WORLDS;
        let world = match self.worlds.get(&number) {
            Some(world) => Rc::clone(world),
            None => {
                let world = Rc::new(World::new(number)?);
                self.worlds.insert(number, Rc::clone(&world));
                world
            }
        };
        let mut run = Run::new(&mut self.bench, &world, seed, trace);
        let played = run.play();
        let kills = run.kills;
        let trace = run.into_trace();
        let checked = played.and_then(|()| check(&world, &self.bench.cluster, &self.bench.tables));
        let wrong = checked.unwrap_or_else(|trouble| vec![trouble.to_string()]);
        Ok(Outcome { seed, kills, wrong, trace })
    }

    /// Plays `runs` runs from seed `first` on, and reports each run with discrepancies.
    ///
    /// # Errors
    /// When a world cannot be built.
    pub fn play(
        &mut self,
        first: u64,
        runs: u64,
        mut report: impl FnMut(&Outcome),
    ) -> Result<Totals, Trouble> {
        let mut totals = Totals::default();
        for seed in (0..runs).map(|run| first.wrapping_add(run)) {
            let outcome = self.run(seed, false)?;
            totals.runs += 1;
            totals.kills += outcome.kills;
            if !outcome.wrong.is_empty() {
                totals.wrong += 1;
                report(&outcome);
            }
        }
        Ok(totals)
    }
}
