//! `isobar torture --sim`.

use std::time::Instant;

use deploy::failure::{Context, Failure};
use stack::Progress;
use torture_sim::{Campaign, Outcome, Totals};

use super::Options;

/// Wrong runs that are described.
const DESCRIBED: u64 = 5;

/// Lines about one wrong run; further ones are left out.
const MOST_LINES: usize = 10;

pub(super) fn run(options: &Options, progress: Progress<'_>) -> Result<bool, Failure> {
    let started = Instant::now();
    let mut campaign = Campaign::new().context("torture")?;
    if options.trace {
        return traced(options, &mut campaign, progress);
    }
    let mut wrong = 0;
    let totals = campaign.play(options.seed, options.runs, |outcome| {
        wrong += 1;
        if wrong <= DESCRIBED {
            describe(outcome, progress);
        }
    });
    let totals = totals.context("torture")?;
    let took_s = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = totals.runs as f64 * 60.0 / took_s;
    progress(&format!("{took_s:.1} s, {rate:.0} runs a minute"));
    let Totals { runs, kills, wrong } = totals;
    progress(&format!("{runs} runs, {kills} kills, {wrong} wrong runs"));
    Ok(wrong == 0)
}

fn traced(
    options: &Options,
    campaign: &mut Campaign,
    progress: Progress<'_>,
) -> Result<bool, Failure> {
    let (mut kills, mut wrong) = (0, 0);
    for run in 0..options.runs {
        let outcome = campaign.run(options.seed.wrapping_add(run), true).context("torture")?;
        for words in &outcome.trace {
            progress(words);
        }
        kills += outcome.kills;
        if !outcome.wrong.is_empty() {
            wrong += 1;
            describe(&outcome, progress);
        }
    }
    progress(&format!("{} runs, {kills} kills, {wrong} wrong runs", options.runs));
    Ok(wrong == 0)
}

/// Reports a run with discrepancies, and the command that repeats it.
fn describe(outcome: &Outcome, progress: Progress<'_>) {
    let seed = outcome.seed;
    progress(&format!("seed {seed} is wrong:"));
    for words in outcome.wrong.iter().take(MOST_LINES) {
        progress(&format!("  {words}"));
    }
    progress(&format!("  again: isobar torture --sim --runs 1 --seed {seed} --trace"));
}
