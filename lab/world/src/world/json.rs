//! A writer of JSON text into a buffer, because building values would be too slow.

/// Writes objects member by member, with the necessary commas.
#[derive(Debug)]
pub(super) struct Json<'a>(pub(super) &'a mut Vec<u8>);

impl Json<'_> {
    fn key(&mut self, key: &str) {
        if !matches!(self.0.last(), None | Some(b'{' | b'[')) {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// Opens the outermost object.
    pub(super) fn start(&mut self) {
        self.0.push(b'{');
    }

    /// Opens an object as a member.
    pub(super) fn open(&mut self, key: &str) {
        self.key(key);
        self.0.push(b'{');
    }

    /// Closes the innermost object.
    pub(super) fn close(&mut self) {
        self.0.push(b'}');
    }

    /// Writes a string without escaping, which none of the world's names needs.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
    }

    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(super) fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        self.signed(value, 0);
    }

    /// Writes microseconds as seconds, exactly.
    pub(super) fn seconds(&mut self, key: &str, us: i64) {
        self.key(key);
        self.signed(us, 6);
    }

    /// Writes microseconds as milliseconds, exactly.
    pub(super) fn millis(&mut self, key: &str, us: i64) {
        self.key(key);
        self.signed(us, 3);
    }

    fn signed(&mut self, value: i64, decimals: u32) {
        if value < 0 {
            self.0.push(b'-');
        }
        let (value, unit) = (value.unsigned_abs(), 10_u64.pow(decimals));
        self.digits(value / unit, 1);
        if decimals > 0 {
            self.0.push(b'.');
            self.digits(value % unit, decimals as usize);
        }
    }

    fn digits(&mut self, mut value: u64, at_least: usize) {
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        while value > 0 || digits.len() - first < at_least {
            first -= 1;
            digits[first] += (value % 10) as u8;
            value /= 10;
        }
        self.0.extend_from_slice(&digits[first..]);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn written_times_read_back_to_the_last_microsecond() {
        let mut text = Vec::new();
        let mut json = Json(&mut text);
        json.start();
        json.int("a", -17);
        json.open("b");
        json.seconds("s", 1_000_001);
        json.millis("m", 1_697_705_752_117_492);
        json.close();
        json.flag("c", true);
        json.seconds("n", -5);
        json.text("t", "x");
        json.close();
        assert_eq!(
            String::from_utf8(text.clone()).unwrap(),
            r#"{"a":-17,"b":{"s":1.000001,"m":1697705752117.492},"c":true,"n":-0.000005,"t":"x"}"#
        );
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let millis = value["b"]["m"].as_f64().unwrap();
        assert_eq!((millis * 1e3).round() as i64, 1_697_705_752_117_492);
    }
}
