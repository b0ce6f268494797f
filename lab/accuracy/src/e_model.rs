//! The E-model, compared with ITU-T G.107, and the video score.

use deploy::failure::Context;
use enrich::e_model;
use enrich::score::{Footage, Scores};

use super::claim::{Claim, Deviations, largest};
use super::reference::Reference;
use super::theme::{Check, Theme};

pub(super) const THEME: Theme = Theme {
    name: "scores",
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
            claim: "Echo impairments Idte (TELR 65, 45, 20 dB) and Idle (WEPL 110, 50, 20 dB)",
            reference: "ITU-T G.107 (7-21 to 7-26), in decimals (`reference.py`)",
            bound: 1e-9,
        },
        Claim {
            claim: "R without loss of 0 to 3,000 ms with the default echo",
            reference: "ITU-T G.107 with Table 3 (7-1 to 7-28), in decimals (`reference.py`)",
            bound: 1e-6,
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
        Claim {
            claim: "The same in bursts, BurstR 1, 2 and 8",
            reference: "ITU-T G.107 (7-29), in decimals (`reference.py`)",
            bound: 1e-9,
        },
        Claim {
            claim: "Video MOS of VP8, VP9 and AV1, 30 kbit/s to 2.5 Mbit/s, 4 to 30 frames/s",
            reference: "rtcscore's formula, in decimals (`reference.py`)",
            bound: 1e-9,
        },
    ],
    check: Check::Offline(deviations),
};

fn deviations() -> Deviations {
    let Reference { e_model: reference, video, .. } = Reference::load()?;
    let pairs = |rows: &[(f64, f64)], formula: fn(f64) -> f64| {
        largest(rows.iter().map(|(given, wanted)| (formula(*given) - wanted).abs()))
    };
    let talker_echo = reference.talker_echo.iter().map(|(ms, telr_db, wanted)| {
        (e_model::talker_echo_impairment(*ms, *telr_db) - wanted).abs()
    });
    let listener_echo = reference.listener_echo.iter().map(|(ms, wepl_db, wanted)| {
        (e_model::listener_echo_impairment(*ms, *wepl_db) - wanted).abs()
    });
    let rating = |ms| e_model::rating_with_echo(ms, e_model::TELR_DB, e_model::WEPL_DB);
    let loss = reference.loss.iter().map(|(ie, bpl, percent, wanted)| {
        (e_model::loss_impairment(*ie, *bpl, *percent) - wanted).abs()
    });
    let burst_loss = reference.burst_loss.iter().map(|(ie, bpl, percent, burst, wanted)| {
        (e_model::burst_loss_impairment(*ie, *bpl, *percent, *burst) - wanted).abs()
    });
    let scores = Scores::embedded().context("scores")?;
    let video = video.iter().map(|(codec, bit_rate, pixels, frame_rate, delay_ms, wanted)| {
        let footage = Footage {
            codec: Some(codec),
            screen_share: false,
            bit_rate: *bit_rate,
            pixels: *pixels,
            frame_rate: *frame_rate,
            delay_ms: *delay_ms,
            frozen: 0.0,
        };
        (scores.video().mos(&footage) - wanted).abs()
    });
    Ok(vec![
        pairs(&reference.mos, e_model::mos),
        pairs(&reference.delay_g107, e_model::delay_impairment),
        largest(talker_echo.chain(listener_echo)),
        pairs(&reference.rating_g107, rating),
        pairs(&reference.delay_simplified, e_model::simplified_delay_impairment),
        largest(loss),
        largest(burst_loss),
        largest(video),
    ])
}
