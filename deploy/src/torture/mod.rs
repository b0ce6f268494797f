//! `isobar torture`: the pipeline under every fault, held against the truth.

mod sim;

use clap::Args;

use crate::failure::Failure;

/// `isobar torture`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Options {
    /// Simulates: the services' cores over simulated logs, groups and tables.
    #[arg(long)]
    sim: bool,
    /// Seed of the first run; each run has a seed of its own, one more than the one before.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Runs.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Tells what happens in each run, step by step; for one run, or a few.
    #[arg(long, requires = "sim")]
    trace: bool,
}

/// Does what was asked for; true if nothing was wrong.
///
/// # Errors
/// When there is nothing to do, or no way to do it.
pub fn run(options: &Options) -> Result<bool, Failure> {
    if options.sim {
        return sim::run(options);
    }
    Err(Failure(
        "torture needs to be told what to torture: --sim simulates the services' cores \
         (isobar torture --sim --runs 100000 --seed 0)"
            .to_owned(),
    ))
}
