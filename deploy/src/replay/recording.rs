//! What a recording holds, whatever its format.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::envelope::Envelope;
use super::{getstats, rtcstats};

/// The events of one recording.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// In the order in which they were sent.
    pub(crate) envelopes: Vec<Envelope>,
    /// Lines or values that could not be read.
    pub(crate) unread: u64,
    /// Statistics in a compression that is not expanded.
    pub(crate) not_expanded: u64,
}

/// How the events of a recording are labelled. What is given here wins over what the recording
/// says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labels<'a> {
    pub(crate) app: Option<&'a str>,
    pub(crate) call: Option<&'a str>,
    pub(crate) client_address: Option<&'a str>,
    /// Name of the recording: the participant, and the call where nothing else says which.
    pub(crate) name: &'a str,
}

/// Application of recordings that tell none.
const APP: &str = "replay";

/// Expands a recording of any format into self-contained envelopes, oldest first.
pub(crate) fn read(text: &str, labels: Labels<'_>) -> Expanded {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut expanded = if first.trim() == rtcstats::NUMBERED || rtcstats::is_line(first) {
        rtcstats::expand(text)
    } else if is_envelope(first) {
        envelopes(text)
    } else {
        getstats::expand(text)
    };
    for envelope in &mut expanded.envelopes {
        label(envelope, labels);
    }
    expanded.envelopes.sort_by(|a, b| a.recorded_ms().total_cmp(&b.recorded_ms()));
    expanded
}

fn is_envelope(line: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(line)
        .is_ok_and(|fields| fields.contains_key("event"))
}

fn envelopes(text: &str) -> Expanded {
    let mut expanded = Expanded::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str::<Envelope>(line) {
            Ok(envelope) => expanded.envelopes.push(envelope),
            Err(_) => expanded.unread += 1,
        }
    }
    expanded
}

fn label(envelope: &mut Envelope, labels: Labels<'_>) {
    set(&mut envelope.app, labels.app, APP);
    set(&mut envelope.call, labels.call, labels.name);
    set(&mut envelope.participant, None, labels.name);
    if let Some(address) = labels.client_address {
        envelope.client_address = Some(address.to_owned());
    }
}

fn set(field: &mut String, given: Option<&str>, default: &str) {
    if let Some(value) = given.or(field.is_empty().then_some(default)) {
        value.clone_into(field);
    }
}
