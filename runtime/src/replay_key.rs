//! The signature that proves that a record was replayed by `isobar dlq replay`, and not by another
//! producer.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;
use service::{AppendTime, Replayed};
use sha2::Sha256;

use crate::native;

/// A secret that signs replayed records, with HMAC-SHA256 (RFC 2104) over the header [`Replayed`], the
/// content type, the key and the bytes.
#[derive(Clone)]
pub struct ReplayKey(Hmac<Sha256>);

impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayKey")
    }
}

impl ReplayKey {
    /// The name of the header that holds a signature.
    pub const HEADER: &'static str = "isobar-replayed-signature";

    /// Returns the key of a secret; none if the secret is empty.
    #[must_use]
    pub fn of(secret: &str) -> Option<Self> {
        let secret = Some(secret.as_bytes()).filter(|secret| !secret.is_empty())?;
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    /// Returns the signature of a record, in hexadecimal digits.
    #[must_use]
    pub fn sign(
        &self,
        from: &str,
        content_type: Option<&str>,
        key: Option<&[u8]>,
        payload: &[u8],
    ) -> String {
        let bytes = self.code(from, content_type, key, payload).finalize().into_bytes();
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns true if `signature` is that of the record, in constant time.
    fn proves(
        &self,
        signature: &str,
        from: &str,
        content_type: Option<&str>,
        key: Option<&[u8]>,
        payload: &[u8],
    ) -> bool {
        let digits = signature.as_bytes().chunks(2).map(|pair| {
            str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
        });
        let bytes: Option<Vec<u8>> = digits.collect();
        let code = self.code(from, content_type, key, payload);
        bytes.is_some_and(|bytes| code.verify_slice(&bytes).is_ok())
    }

    fn code(
        &self,
        from: &str,
        content_type: Option<&str>,
        key: Option<&[u8]>,
        payload: &[u8],
    ) -> Hmac<Sha256> {
        let mut code = self.0.clone();
        for part in [Some(from.as_bytes()), content_type.map(str::as_bytes), key, Some(payload)] {
            // The length marks where a part ends, and distinguishes a missing part from an empty
            // one.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            code.update(&length.to_be_bytes());
            code.update(part.unwrap_or_default());
        }
        code
    }
}

/// Replay header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// None: it is an ordinary record.
    None,
    /// One that is not verified. The record counts as an ordinary one.
    Unproven,
    /// One that the holder of the key signed just before the append.
    Proven(Replayed),
}

impl Claim {
    /// Reads and verifies the header of `message` with `key` and the append time. Without a key nothing is
    /// verified.
    #[must_use]
    pub fn of(message: &BorrowedMessage<'_>, key: Option<&ReplayKey>) -> Self {
        let Some(from) = native::header(message, c"isobar-replayed-from") else {
            return Self::None;
        };
        let proven = || {
            let signature = native::header(message, c"isobar-replayed-signature")?;
            let content_type = native::header(message, c"content-type");
            let payload = message.payload().unwrap_or_default();
            let is_proven = key?.proves(signature, from, content_type, message.key(), payload);
            let appended = AppendTime(message.timestamp().to_millis()?);
            from.parse().ok().filter(|from: &Replayed| is_proven && from.is_fresh(appended))
        };
        proven().map_or(Self::Unproven, Self::Proven)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_signature_proves_the_record_that_was_signed_and_no_other() {
        let key = ReplayKey::of("a secret of thirty-two characters").unwrap();
        let other = ReplayKey::of("another one of as many characters").unwrap();
        let signature = key.sign("raw/0/1/2/alone", Some("text"), Some(b"key"), b"payload");
        assert_eq!(signature.len(), 64);
        let proves = |key: &ReplayKey, signature: &str, from: &str, text, record: &[u8]| {
            key.proves(signature, from, text, Some(b"key"), record)
        };
        assert!(proves(&key, &signature, "raw/0/1/2/alone", Some("text"), b"payload"));
        assert!(!proves(&other, &signature, "raw/0/1/2/alone", Some("text"), b"payload"));
        assert!(!proves(&key, &signature, "raw/0/1/3/alone", Some("text"), b"payload"));
        assert!(!proves(&key, &signature, "raw/0/1/2/alone", None, b"payload"));
        assert!(!proves(&key, &signature, "raw/0/1/2/alone", Some("text"), b"payloae"));
        assert!(!proves(&key, "", "raw/0/1/2/alone", Some("text"), b"payload"));
        assert!(!proves(&key, &signature[..62], "raw/0/1/2/alone", Some("text"), b"payload"));
        assert!(!proves(&key, "zz", "raw/0/1/2/alone", Some("text"), b"payload"));
        assert!(!key.proves(&signature, "raw/0/1/2/alone", Some("text"), None, b"payload"));
        assert!(ReplayKey::of("").is_none());
    }
}
