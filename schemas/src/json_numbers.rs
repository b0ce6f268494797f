//! Numbers that JSON can write and a double cannot hold.

/// The advice that follows a parser's error where a text has NaN or an infinity in it.
pub const HINT: &str =
    "; JSON has neither NaN nor Infinity: send null for them, or leave the member out";

/// Stands for them. A counter that is so large cannot be, and any other number is missing.
const STAND_IN: &[u8] = b"1e308";

/// The least number that is taken for that stand-in, however it was rounded when it was read.
pub const LEAST_STAND_IN: f64 = 9.9e307;

/// Replaces each number that is beyond every double by `1e308`; none if there is no such number.
/// Text that is not JSON stays as it is.
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

/// True if the text has `NaN` or `Infinity` in the place of a number, as Python and others write them.
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

/// The length of the string that a text begins with.
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

/// Number of bytes at the beginning of a text that may be a number's.
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
