//! Faulty reports, and invalid records.

use rand::Rng;
use schemas::EventKind;

use super::envelope::Envelope;
use super::environment::Environment;

/// Fault of one report of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The client sends it again.
    Retry,
    /// Sent after the next record.
    HeldBack,
    /// Never sent.
    Lost,
    /// The client holds back its reports for a while and then sends them in order.
    Offline,
    /// One stream continues with another SSRC.
    NewSsrc,
    /// The counters of one stream restart.
    Reset,
    /// The client moves to another network.
    Handover,
    /// The client replaces its peer connection.
    NewConnection,
    /// An invalid record is sent in addition.
    Garbage,
    /// Its peer connection continues with another candidate pair.
    OtherPair,
    /// The connection is lost, until the next report.
    Cut,
    /// A microphone or a camera fails.
    Device,
}

impl Fault {
    /// Draws a fault; the weights are in 1/10,000.
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..10_000) {
            0..120 => Self::Retry,
            120..180 => Self::HeldBack,
            180..220 => Self::Lost,
            220..250 => Self::Offline,
            250..300 => Self::NewSsrc,
            300..340 => Self::Reset,
            340..360 => Self::Handover,
            360..370 => Self::NewConnection,
            370..420 => Self::Garbage,
            420..450 => Self::OtherPair,
            450..490 => Self::Cut,
            490..510 => Self::Device,
            _ => Self::None,
        }
    }
}

/// Bytes of the largest record that ingest reads (`ingest.max_record_bytes`, unless set).
const LARGEST_RECORD: usize = 1 << 20;

/// Returns an invalid record, made from a valid `envelope`: the code of the reason, and its bytes.
pub(super) fn garbage(
    envelope: &Envelope<'_>,
    around: &mut Environment,
) -> (&'static str, Vec<u8>) {
    let good = |envelope: Envelope<'_>| {
        let mut payload = Vec::new();
        envelope.write(&mut payload, |_| {});
        payload
    };
    let joined = Envelope { event: EventKind::Joined, ..*envelope };
    // A day ahead of an event of last week is not ahead of now.
    let kinds = if around.settings.history.is_some() { 9 } else { 10 };
    match around.rng.random_range(0..kinds) {
        0 => {
            let mut payload = good(joined);
            payload.truncate(around.rng.random_range(1..payload.len()));
            ("not_json", payload)
        }
        1 => {
            let mut payload = good(joined);
            let middle = payload.len() / 2;
            payload[middle] = 0xff;
            ("not_utf8", payload)
        }
        2 => {
            let mut payload = good(Envelope { event: EventKind::Stats, ..*envelope });
            payload.pop();
            payload.extend_from_slice(b",\"report\":");
            payload.extend(std::iter::repeat_n(b'[', 5_000));
            payload.extend(std::iter::repeat_n(b']', 5_000));
            payload.push(b'}');
            ("too_deep", payload)
        }
        3 => ("unknown_event", replaced(&good(joined), "\"joined\"", "\"exploded\"")),
        4 => ("missing_field", replaced(&good(joined), "\"call\"", "\"cal\"")),
        5 => ("unknown_format", replaced(&good(joined), "\"v\":1,", "\"v\":77,")),
        6 => ("missing_field", good(Envelope { event: EventKind::Stats, ..*envelope })),
        7 => ("not_json", Vec::new()),
        8 => {
            let mut payload = good(joined);
            payload.resize(LARGEST_RECORD + 1, b' ');
            ("too_large", payload)
        }
        _ => {
            let client_us = envelope.received_ms * 1000 + 86_400_000_000;
            ("time_ahead", good(Envelope { client_us, sent_ms: None, ..joined }))
        }
    }
}

fn replaced(payload: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(payload).replacen(from, to, 1).into_bytes()
}
