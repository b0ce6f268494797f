//! The E-model against ITU-T G.107.

use enrich::e_model;

use super::reference::Reference;
use super::{Check, Claim, Deviations, Theme, largest};

pub(super) const THEME: Theme = Theme {
    name: "the E-model",
    claims: &[
        Claim {
            claim: "MOS of a rating R from −5 to 120 is that of the E-model",
            reference: "ITU-T G.107 Annex B, in decimals (`reference.py`)",
            bound: 1e-9,
        },
        Claim {
            claim: "Delay impairment Idd of 0 to 3,000 ms",
            reference: "ITU-T G.107 (7-27, 7-28), in decimals (`reference.py`)",
            bound: 1e-9,
        },
        Claim {
            claim: "Simplified delay impairment Id of 0 to 3,000 ms",
            reference: "Cole and Rosenbluth (2001), in decimals (`reference.py`)",
            bound: 1e-9,
        },
        Claim {
            claim: "Loss impairment Ie,eff of 0 to 100 % loss, three codecs of G.113 Appendix I",
            reference: "ITU-T G.107 (7-29), in decimals (`reference.py`)",
            bound: 1e-9,
        },
    ],
    check: Check::Offline(deviations),
};

fn deviations() -> Deviations {
    let reference = Reference::load()?.e_model;
    let pairs = |rows: &[(f64, f64)], formula: fn(f64) -> f64| {
        largest(rows.iter().map(|(given, wanted)| (formula(*given) - wanted).abs()))
    };
    let loss = reference.loss.iter().map(|(ie, bpl, percent, wanted)| {
        (e_model::loss_impairment(*ie, *bpl, *percent) - wanted).abs()
    });
    Ok(vec![
        pairs(&reference.mos, e_model::mos),
        pairs(&reference.delay_g107, e_model::delay_impairment),
        pairs(&reference.delay_simplified, e_model::simplified_delay_impairment),
        largest(loss),
    ])
}
