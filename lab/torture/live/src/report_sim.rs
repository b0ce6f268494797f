//! `isobar torture --sim`.

use std::time::Instant;

use deploy::failure::{Context, Failure};
use deploy::output::line;
use torture_sim::{Campaign, Outcome, Totals};

use super::Options;

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
            // If it cannot be said, the last lines cannot either, and that ends the command.
            let _ = tell(outcome);
        }
    });
    let totals = totals.context("torture")?;
    let took_s = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = totals.runs as f64 * 60.0 / took_s;
    line(format_args!("{took_s:.1} s, {rate:.0} runs a minute"))?;
    let Totals { runs, kills, wrong } = totals;
    line(format_args!("{runs} runs, {kills} kills, {wrong} wrong runs"))?;
    Ok(wrong == 0)
}

fn traced(options: &Options, campaign: &mut Campaign) -> Result<bool, Failure> {
    let (mut kills, mut wrong) = (0, 0);
    for run in 0..options.runs {
        let outcome = campaign.run(options.seed.wrapping_add(run), true).context("torture")?;
        for words in &outcome.trace {
            line(words)?;
        }
        kills += outcome.kills;
        if !outcome.wrong.is_empty() {
            wrong += 1;
            tell(&outcome)?;
        }
    }
    line(format_args!("{} runs, {kills} kills, {wrong} wrong runs", options.runs))?;
    Ok(wrong == 0)
}

fn tell(outcome: &Outcome) -> Result<(), Failure> {
    let seed = outcome.seed;
    line(format_args!("seed {seed} is wrong:"))?;
    for words in outcome.wrong.iter().take(MOST_LINES) {
        line(format_args!("  {words}"))?;
    }
    line(format_args!("  again: isobar torture --sim --runs 1 --seed {seed} --trace"))
}
