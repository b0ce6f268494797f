//! `isobar torture --sim`.

use std::io::Write as _;
use std::time::Instant;

use torture::{Campaign, Outcome};

use super::Options;
use crate::failure::{Context, Failure};

/// Wrong runs that are told in full.
const TOLD: u64 = 5;

/// What is said of a run beyond this is left out.
const MOST_LINES: usize = 10;

pub(super) fn run(options: &Options) -> Result<bool, Failure> {
    let started = Instant::now();
    let mut campaign = Campaign::new().context("torture")?;
    if options.trace {
        return traced(options, &mut campaign);
    }
    let mut wrong = 0;
    let totals = campaign.play(options.seed, options.runs, |outcome| {
        wrong += 1;
        if wrong <= TOLD {
            tell(outcome);
        }
    });
    let totals = totals.context("torture")?;
    let took_s = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = totals.runs as f64 * 60.0 / took_s;
    println!("{took_s:.1} s, {rate:.0} runs a minute");
    println!("{} runs, {} kills, {} wrong runs", totals.runs, totals.kills, totals.wrong);
    Ok(totals.wrong == 0)
}

fn traced(options: &Options, campaign: &mut Campaign) -> Result<bool, Failure> {
    let (mut kills, mut wrong) = (0, 0);
    let mut out = std::io::stdout().lock();
    for run in 0..options.runs {
        let outcome = campaign.run(options.seed.wrapping_add(run), true).context("torture")?;
        for line in &outcome.trace {
            writeln!(out, "{line}").context("torture")?;
        }
        kills += outcome.kills;
        if !outcome.wrong.is_empty() {
            wrong += 1;
            tell(&outcome);
        }
    }
    println!("{} runs, {kills} kills, {wrong} wrong runs", options.runs);
    Ok(wrong == 0)
}

fn tell(outcome: &Outcome) {
    println!("seed {} is wrong:", outcome.seed);
    for line in outcome.wrong.iter().take(MOST_LINES) {
        println!("  {line}");
    }
    println!("  again: isobar torture --sim --runs 1 --seed {} --trace", outcome.seed);
}
