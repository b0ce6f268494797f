//! Standardised shares, compared with R's packages survey and epitools.

use std::collections::BTreeMap;

use deploy::failure::{Context, Failure};
use serde::Deserialize;
use statistics::{
    Figure, Session, Standard, Strata, Stratum, Sums, benjamini_hochberg, raw_figure, union,
};

use super::claim::{Claim, Deviations, largest};
use super::theme::{Check, Theme};

pub(super) const THEME: Theme = Theme {
    name: "standardisation",
    claims: &[
        Claim {
            claim: "Share standardised to a common mix",
            reference: "R's `survey` (`svyratio` by stratum and `svycontrast`; `svystandardize`) and \
                        `epitools` (`ageadjust.direct`), in `standard.R`",
            bound: 1e-12,
        },
        Claim {
            claim: "Its standard error by linearisation, and that of a raw share, relative",
            reference: "R's `survey`, in `standard.R`",
            bound: 1e-12,
        },
        Claim {
            claim: "Standardised share over audio and video of the same sessions",
            reference: "R's `survey`, sessions as clusters, in `standard.R`",
            bound: 1e-12,
        },
        Claim {
            claim: "Its standard error is an upper bound: how far below that of the clusters, relative",
            reference: "The same",
            bound: 0.0,
        },
        Claim { claim: "The same: how far above, relative", reference: "The same", bound: 0.1 },
        Claim {
            claim: "Findings that stand among many: differences",
            reference: "R's `p.adjust`, method BH, in `standard.R`",
            bound: 0.0,
        },
    ],
    check: Check::Offline(deviations),
};

/// The values, as `standard.R` writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    survey: Vec<Case>,
    findings: Vec<Findings>,
}

/// Sessions to be made, and the results of both groups.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    seed: u64,
    count: usize,
    strata: u64,
    /// Number of sessions, out of ten of the first strata, that are never poor.
    never_poor: u64,
    a: Expected,
    b: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    sessions: u64,
    share: f64,
    standard_error: f64,
    epitools: f64,
    svystandardize: f64,
    raw: f64,
    raw_error: f64,
    both_kinds: f64,
    both_kinds_error: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Findings {
    q: f64,
    p: Vec<f64>,
    stands: Vec<bool>,
}

fn deviations() -> Deviations {
    let reference: Reference =
        serde_json::from_str(include_str!("standard.json")).context("standard.json")?;
    let cases = reference.survey.iter().map(compare).collect::<Result<Vec<_>, _>>()?.concat();
    let at = |place: usize| largest(cases.iter().map(|of: &[f64; 5]| of[place]));
    let findings = reference.findings.iter().map(|of| {
        let p_values: Vec<Option<f64>> = of.p.iter().copied().map(Some).collect();
        let stands = benjamini_hochberg(&p_values, of.q);
        stands.iter().zip(&of.stands).filter(|(found, wanted)| found != wanted).count() as f64
    });
    Ok(vec![at(0), at(1), at(2), at(3), at(4), largest(findings)])
}

/// Returns the deviations of both groups, one for each of the first five claims.
fn compare(case: &Case) -> Result<Vec<[f64; 5]>, Failure> {
    let both = groups(case);
    let audio = [0, 1].map(|group| {
        let of_kind = both[group].iter().filter(|(stratum, _)| stratum.kind == "audio");
        of_kind.map(|(stratum, sums)| (stratum.clone(), *sums)).collect::<Strata>()
    });
    let standard = |groups: &[Strata]| {
        Standard::of(&union(groups)).ok_or_else(|| Failure::Refused("no sessions".to_owned()))
    };
    let (of_audio, of_both) = (standard(&audio)?, standard(&both)?);
    let pairs = audio.iter().zip(&both).zip([&case.a, &case.b]);
    Ok(pairs
        .map(|((audio, both), wanted)| {
            let (found, raw) = (of_audio.figure(audio), raw_figure(audio));
            deviation(wanted, &found, &raw, &of_both.figure(both))
        })
        .collect())
}

fn deviation(wanted: &Expected, found: &Figure, raw: &Figure, both: &Figure) -> [f64; 5] {
    let off = |found: Option<f64>, wanted: f64| found.map_or(f64::NAN, |it| (it - wanted).abs());
    let relative = |found: Option<f64>, wanted: f64| found.map_or(f64::NAN, |it| it / wanted - 1.0);
    let complete = found.coverage > 1.0 - 1e-9 && found.sessions == wanted.sessions;
    let above = relative(both.standard_error, wanted.both_kinds_error);
    [
        largest([
            if complete { 0.0 } else { f64::NAN },
            off(found.value, wanted.share),
            off(found.value, wanted.epitools),
            off(found.value, wanted.svystandardize),
            off(raw.value, wanted.raw),
        ]),
        largest([
            relative(found.standard_error, wanted.standard_error).abs(),
            relative(raw.standard_error, wanted.raw_error).abs(),
        ]),
        off(both.value, wanted.both_kinds),
        (-above).max(0.0),
        above,
    ]
}

/// The sessions of `standard.R`, with audio and video: groups a and b.
fn groups(case: &Case) -> [Strata; 2] {
    let mut state = case.seed;
    let mut next = move || {
        state = state * 48_271 % 2_147_483_647;
        state
    };
    let mut groups: [BTreeMap<Stratum, Sums>; 2] = Default::default();
    for _ in 0..case.count {
        let u = next() % 100;
        let in_a = next() % 3 == 0;
        let place = u * u * case.strata / 10_000;
        let stratum = if in_a { case.strata - 1 - place } else { place };
        let whole = 1000 + next() % 600_000;
        let luck = next();
        let ever = luck / 1000 % 10 + stratum / 2 >= case.never_poor;
        let part = if ever { whole * (luck % 1000) / 1000 } else { 0 };
        let video = 1 + whole * (next() % 1000) / 1000;
        for (kind, part, whole) in [("audio", part, whole), ("video", part.min(video), video)] {
            let session = Session { part: part.cast_signed(), whole: whole.cast_signed() };
            let of = Stratum {
                browser: format!("{stratum:02}"),
                kind: kind.to_owned(),
                ..Stratum::default()
            };
            *groups[usize::from(!in_a)].entry(of).or_default() += Sums::of(&[session]);
        }
    }
    groups
}
