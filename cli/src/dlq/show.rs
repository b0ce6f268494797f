//! `isobar dlq show`: shows single dead letters, with their payload only on request.

use std::fmt::Write as _;

use clap::Args;
use deploy::failure::Failure;
use serde_json::json;
use service::harmless;

use super::filter::{Filter, shown};
use super::letter::{self, Letter};
use super::selection::Access;
use crate::output::{line, note};

/// Options of the output.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Maximum number of letters.
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    limit: usize,
    /// Also shows the beginning of the payload, as sent by the client, with addresses and names.
    /// Treat the output as personal data.
    #[arg(long)]
    payload: bool,
    /// Maximum number of bytes of the payload, and of the key, that are shown.
    #[arg(long, value_name = "NUMBER", default_value_t = 512)]
    bytes: usize,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
}

/// Prints the letters that `filter` keeps.
pub(super) fn run(access: &Access, filter: &Filter, options: &Options) -> Result<(), Failure> {
    if options.payload {
        note("payloads are as clients sent them: they hold addresses and names");
    }
    let mut left = options.limit;
    letter::read(access, filter.since, |letter, payload| {
        if left > 0 && filter.keeps(&letter) {
            left -= 1;
            let payload = options.payload.then_some(payload.as_slice());
            line(in_words(&letter, payload, options))?;
        }
        Ok(left > 0)
    })?;
    Ok(())
}

fn in_words(letter: &Letter, payload: Option<&[u8]>, options: &Options) -> String {
    let source = &letter.source;
    let key = letter.key.as_deref().map(|key| preview(key, options.bytes));
    let payload = payload.map(|payload| preview(payload, options.bytes));
    if options.json {
        let letter = json!({
            "stage": letter.stage,
            "reason": letter.reason,
            "detail": letter.detail,
            "topic": source.topic,
            "partition": source.partition,
            "offset": source.offset,
            "appended_ms": letter.appended_ms,
            "given_up_ms": letter.given_up_ms,
            "content_type": letter.content_type,
            "key": key,
            "payload_bytes": letter.payload_bytes,
            "payload": payload,
        });
        return letter.to_string();
    }
    let mut text = format!(
        "{}/{}/{} given up by {}: {}{}{}\n  appended {}, given up {}, {} bytes",
        harmless(&source.topic),
        source.partition,
        source.offset,
        harmless(&letter.stage),
        harmless(&letter.reason),
        if letter.detail.is_empty() { "" } else { ": " },
        preview(letter.detail.as_bytes(), usize::MAX),
        shown(letter.appended_ms),
        shown(letter.given_up_ms),
        letter.payload_bytes,
    );
    let content_type =
        letter.content_type.as_deref().map(|text| preview(text.as_bytes(), options.bytes));
    for (name, value) in [("content-type", content_type), ("key", key)] {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(text, "\n  {name} {value}");
        }
    }
    if let Some(payload) = payload {
        let _ = write!(text, "\n  payload {payload}");
    }
    text
}

/// Returns the beginning of `bytes`, with everything but printable ASCII escaped.
fn preview(bytes: &[u8], most: usize) -> String {
    let shown = bytes[..bytes.len().min(most)].escape_ascii().to_string();
    match bytes.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown}… and {more} bytes more"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    const OPTIONS: Options = Options { limit: 1, payload: false, bytes: 12, json: false };

    #[test]
    fn a_preview_is_bounded_and_harmless() {
        assert_eq!(preview(b"\x1b[2J\xff{}", 12), "\\x1b[2J\\xff{}");
        assert_eq!(preview(b"0123456789", 4), "0123… and 6 bytes more");
    }

    #[test]
    fn a_payload_is_shown_only_on_request() {
        let letter = letter(17, "too_large");
        let text = in_words(&letter, None, &OPTIONS);
        assert!(
            text.starts_with("rtc-stats-raw-v1/3/17 given up by ingest: too_large\n"),
            "{text}"
        );
        assert!(text.contains("key meet/c/p") && !text.contains("payload"), "{text}");
        let text = in_words(&letter, Some(b"203.0.113.9"), &OPTIONS);
        assert!(text.ends_with("payload 203.0.113.9"), "{text}");
        let hostile = Letter {
            stage: "\x1b[1mingest".to_owned(),
            reason: "late\u{202e}\n".to_owned(),
            detail: "\u{9b}2J".to_owned(),
            content_type: Some("\x07".to_owned()),
            ..letter.clone()
        };
        let text = in_words(&hostile, Some(b"\x1bc\xc2\x9b"), &OPTIONS);
        assert_eq!(text, service::harmless_lines(&text), "a terminal obeys it");
        assert_eq!(text.lines().count(), 5, "{text}");
        let json = in_words(&letter, None, &Options { json: true, ..OPTIONS });
        assert!(json.contains("\"payload\":null"), "{json}");
    }
}
