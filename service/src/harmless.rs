//! Escaping of text from outside. Names of places and providers, reasons, keys and answers of servers
//! may contain control sequences of terminals, or characters that hide the rest of a line.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Returns `text` in one line, with characters that do more than be displayed escaped as in JSON
/// (`\u001b`): the controls C0 and C1 (escape sequences, line ends), overrides and marks of the writing
/// direction (Unicode UAX #9), line separators, and invisible letters.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, acts)
}

/// Returns `text` escaped as by [`harmless`], with its newlines kept.
#[must_use]
pub fn harmless_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && acts(c))
}

fn escaped(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            // As in JSON, so that a JSON text stays valid and keeps its meaning.
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Returns true for a control character or an invisible one. The joiners U+200C and U+200D belong
/// to the spelling of words and are neither.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A writer of lines, each in one piece, that are made harmless.
#[derive(Debug)]
pub struct HarmlessLines<W>(pub W);

impl<W: Write> Write for HarmlessLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
        self.0.write_all([&harmless(line), end].concat().as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text with control characters, and its escaped form.
    const HOSTILE: [(&str, &str); 10] = [
        ("\x1b[2J\x1b]0;title\x07", "\\u001b[2J\\u001b]0;title\\u0007"),
        ("a\rb\nc\td", "a\\u000db\\u000ac\\u0009d"),
        ("\u{9b}31m", "\\u009b31m"),
        ("\u{90}q\u{9c}", "\\u0090q\\u009c"),
        ("abc\u{202e}cba", "abc\\u202ecba"),
        ("\u{2066}x\u{2069}\u{200f}", "\\u2066x\\u2069\\u200f"),
        ("a\u{2028}b\u{85}c", "a\\u2028b\\u0085c"),
        ("\u{feff}\u{200b}\u{ad}", "\\ufeff\\u200b\\u00ad"),
        ("\u{e0041}", "\\udb40\\udc41"),
        ("\x7f\0", "\\u007f\\u0000"),
    ];

    #[test]
    fn control_characters_are_shown_and_others_stay() {
        for (text, shown) in HOSTILE {
            assert_eq!(harmless(text), shown);
        }
        for text in ["Телеком", "中国电信", "می‌خواهم", "Österreich \"A1\" \\ =1+1", "👩‍💻"]
        {
            assert!(matches!(harmless(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(harmless_lines("a\n\x1bb\r\n"), "a\n\\u001bb\\u000d\n");
    }

    #[test]
    fn json_keeps_its_meaning() {
        for (text, _) in HOSTILE {
            let json = serde_json::Value::from(text).to_string();
            let read: serde_json::Value =
                serde_json::from_str(&harmless(&json)).unwrap_or_default();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_written_line_has_one_end() {
        let mut out = HarmlessLines(Vec::new());
        let written = out.write(b"one\nWARN two \x1b[1m\xff\n");
        assert_eq!(written.ok(), Some(19));
        assert_eq!(out.0, "one\\u000aWARN two \\u001b[1m\u{fffd}\n".as_bytes());
    }
}
