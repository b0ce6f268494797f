//! Delta streams of ObserveRTC's protobuf encoder, `@observertc/samples-encoder` 3: each line is
//! the base64 of a ClientSample without unchanged members. The deltas are like those of the JSON
//! codec, except that events also leave out members that are equal to those of the previous event.
//! [`flat`] reads the streams of release 2.

use std::collections::BTreeMap;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use serde_json::value::to_raw_value;

use super::budget::Budget;
use super::client_sample::flat::{FlatSample, samples};
use super::client_sample::{ClientSample, ToMembers};
use super::document::{Document, Members, text};
use super::observertc::{Expander, flat, list, merge};

/// Maximum bytes of a sample in base64: some thousand streams.
const MOST: usize = 4 << 20;

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Reason why a text is not a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Not base64, or truncated.
    Base64,
    /// More than [`MOST`].
    TooLong,
    /// Not a ClientSample, or truncated.
    Message,
}

impl Broken {
    /// Returns the description of the error, and what to do.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Base64 => {
                "no whole base64; record what the encoder returns unbroken, one sample a line"
            }
            Self::TooLong => "more than 4 MiB of base64 for one sample; record one sample a line",
            Self::Message => {
                "base64, but no whole ClientSample of @observertc/samples-encoder 2 or 3 in it; \
                 record what the encoder returns, one sample a line"
            }
        }
    }
}

/// Returns whether a line is base64 (RFC 4648), which no line of JSON is.
pub(crate) fn is_base64(line: &str) -> bool {
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    line.len() >= 16 && line.trim_end_matches('=').bytes().all(byte)
}

/// Reads the samples of one recording.
#[derive(Debug)]
pub(crate) struct Reader<'b> {
    /// The last events, by client and list.
    happened: BTreeMap<(String, &'static str), Members>,
    samples: Expander<'b>,
    flat: flat::Expander<'b>,
    budget: &'b Budget,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(budget: &'b Budget) -> Self {
        Self {
            happened: BTreeMap::new(),
            samples: Expander::of_deltas(budget),
            flat: flat::Expander::new(budget),
            budget,
        }
    }

    /// Returns the complete samples after those in `line`; in schema 2 a line may have samples of
    /// several clients. A sample is none if its beginning is missing; all are none if they exceed
    /// the budget.
    pub(crate) fn read(&mut self, line: &str) -> Result<Vec<Option<Document>>, Broken> {
        if line.len() > MOST {
            return Err(Broken::TooLong);
        }
        let engine = if line.contains(['-', '_']) { URL_SAFE } else { STANDARD };
        let bytes = engine.decode(line).map_err(|_| Broken::Base64)?;
        if let Some(samples) = samples(&bytes) {
            return samples.iter().map(|sample| self.flat(sample)).collect();
        }
        let delta = self.delta(&bytes)?;
        Ok(vec![self.samples.expand(&delta)])
    }

    fn flat(&mut self, bytes: &[u8]) -> Result<Option<Document>, Broken> {
        let sample = FlatSample::decode_members(bytes).map_err(|_| Broken::Message)?;
        let client = sample.get("clientId").and_then(|id| text(id)).ok_or(Broken::Message)?;
        Ok(self.flat.expand(&client, sample))
    }

    /// Decodes `bytes` as a delta in the form of the JSON codec.
    fn delta(&mut self, bytes: &[u8]) -> Result<Members, Broken> {
        let mut sample = ClientSample::decode_members(bytes).map_err(|_| Broken::Message)?;
        // The only member that every sample reports.
        let client = sample.get("clientId").and_then(|id| text(id)).ok_or(Broken::Message)?;
        for name in ["clientEvents", "clientIssues"] {
            let Some(reported) = sample.get(name) else { continue };
            let last = self.happened.entry((client.clone(), name)).or_default();
            let mut whole = Vec::new();
            for delta in list(reported).ok_or(Broken::Message)? {
                *last = merge(Some(last), &delta, self.budget).ok_or(Broken::Message)?;
                // Without a type, the beginning of the stream is missing.
                if last.contains_key("type") {
                    whole.push(last.clone());
                }
            }
            sample.insert(name.to_owned(), to_raw_value(&whole).map_err(|_| Broken::Message)?);
        }
        Ok(sample)
    }
}
