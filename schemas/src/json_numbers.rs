//! JSON numbers that are beyond the range of a double.

/// Advice appended to a parser's error if the text contains NaN or an infinity.
pub const HINT: &str =
    "; JSON has neither NaN nor Infinity: send null for them, or leave the member out";

/// Replacement for such numbers. No counter can be so large, so readers treat it as missing.
const STAND_IN: &[u8] = b"1e308";

/// Smallest number that readers take for the replacement, whatever the rounding of their parser.
pub const LEAST_STAND_IN: f64 = 9.9e307;

/// Replaces each number beyond the range of a double by `1e308`. Returns none if there is no such
/// number. Text that is not JSON is not changed.
pub fn finite(text: &[u8]) -> Option<Vec<u8>> {
    let mut mended = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at += string(&text[at..]),
            b'-' | b'0'..=b'9' => {
                let number = &text[at..at + digits(&text[at..])];
                if is_infinite(number) {
                    mended.extend_from_slice(&text[kept..at]);
                    mended.extend_from_slice(STAND_IN);
                    kept = at + number.len();
                }
                at += number.len();
            }
            _ => at += 1,
        }
    }
    if kept == 0 {
        return None;
    }
    mended.extend_from_slice(&text[kept..]);
    Some(mended)
}

/// Returns whether the text has `NaN` or `Infinity` in place of a number, as Python and others
/// write them.
pub fn has_no_number(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at += string(&text[at..]),
            b'N' | b'I' if starts_with_none(&text[at..]) => return true,
            _ => at += 1,
        }
    }
    false
}

fn starts_with_none(text: &[u8]) -> bool {
    text.starts_with(b"NaN") || text.starts_with(b"Infinity")
}

/// Returns the length of the string at the beginning of a text.
fn string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Returns the number of bytes at the beginning of a text that may be part of a number.
fn digits(text: &[u8]) -> usize {
    let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    text.iter().position(|byte| !part(byte)).unwrap_or(text.len())
}

fn is_infinite(number: &[u8]) -> bool {
    let parsed = str::from_utf8(number).ok().and_then(|number| number.parse::<f64>().ok());
    parsed.is_some_and(f64::is_infinite)
}

#[cfg(test)]
mod tests {
    use super::{finite, has_no_number};

    #[test]
    fn nan_and_infinity_are_seen_where_a_number_would_be() {
        for text in ["{\"a\":NaN}", "[-Infinity]", "{\"NaN\":\"x\",\"b\":Infinity"] {
            assert!(has_no_number(text.as_bytes()), "{text}");
        }
        for text in ["{\"a\":\"NaN\"}", "[\"\\\"\", \"Infinity\"]", "{", "[Nan]"] {
            assert!(!has_no_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn only_numbers_that_no_double_holds_are_replaced() {
        let mended =
            |text: &str| finite(text.as_bytes()).and_then(|text| String::from_utf8(text).ok());
        let wanted = r#"{"a":1e308,"b":[1e308,1],"1e999":"1e999\\\" -1e999","c":1e308}"#;
        let text = r#"{"a":1e999,"b":[-1E+400,1],"1e999":"1e999\\\" -1e999","c":HUGE}"#;
        let text = text.replace("HUGE", &"9".repeat(400));
        assert_eq!(mended(&text).as_deref(), Some(wanted));
        for text in ["", "1e308", "[1e-999]", "\"1e999", "inf", "{\"a\\\\\":\"1e999\"}", "\"\\"] {
            assert_eq!(mended(text), None, "{text}");
        }
    }
}
