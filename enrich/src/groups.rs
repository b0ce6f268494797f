//! Groups of autonomous systems that an operator defines as one provider.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_methods, reason = "the part that reads look-up files")
)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use xxhash_rust::xxh3::xxh3_64;

use crate::content;
use crate::error::{LineError, LookUpError};

/// Maximum bytes of the file: several times the size that all existing autonomous systems take.
const MAX_BYTES: u64 = 16 << 20;

/// The file: `[providers]`, and a line `"Name" = [AS number, …]` for each provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    providers: BTreeMap<Spanned<String>, Vec<Spanned<i64>>>,
}

/// Provider by AS number.
#[derive(Debug)]
pub(crate) struct Groups {
    names: HashMap<i64, String>,
    label: String,
}

impl Groups {
    /// Reads a file.
    ///
    /// # Errors
    /// The reason why it cannot be used, with the line.
    pub(crate) fn open(path: &Path) -> Result<Self, LookUpError> {
        content::regular(path, MAX_BYTES)?;
        let text = fs::read_to_string(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&name, &text)
    }

    /// Reads the text of the file called `file`.
    ///
    /// # Errors
    /// The reason why it cannot be used, with the line.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, LookUpError> {
        let line = |position: usize| 1 + text[..position].matches('\n').count();
        let parsed: File = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(1, |span| line(span.start));
            LookUpError::line(place, LineError::Toml(Box::new(error)))
        })?;
        let mut names = HashMap::<i64, String>::new();
        for (provider, numbers) in parsed.providers {
            let place = line(provider.span().start);
            let provider = provider.into_inner();
            if provider.trim().is_empty() || numbers.is_empty() {
                return Err(LookUpError::line(place, LineError::Group));
            }
            for number in numbers {
                let (place, asn) = (line(number.span().start), number.into_inner());
                if !(1..=i64::from(u32::MAX)).contains(&asn) {
                    return Err(LookUpError::line(place, LineError::AsNumber(asn)));
                }
                if let Some(other) = names.insert(asn, provider.clone()) {
                    return Err(LookUpError::line(place, LineError::Twice { asn, other }));
                }
            }
        }
        let digest = xxh3_64(text.as_bytes()) >> 32;
        Ok(Self { names, label: format!("{file}@{digest:08x}") })
    }

    /// Returns the provider of an autonomous system, if the file has one.
    pub(crate) fn provider(&self, asn: i64) -> Option<&str> {
        self.names.get(&asn).map(String::as_str)
    }

    /// Returns `name@digest`, which identifies the edition of the file.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FILE: &str = r#"
# Public records: https://www.peeringdb.com
[providers]
"Deutsche Telekom" = [3320, 6878]
Comcast = [
    7922,
    7015,
]
"#;

    #[test]
    fn several_autonomous_systems_are_one_provider() {
        let groups = Groups::parse("providers.toml", FILE).unwrap();
        assert_eq!(groups.provider(3320), Some("Deutsche Telekom"));
        assert_eq!(groups.provider(6878), Some("Deutsche Telekom"));
        assert_eq!(groups.provider(7015), Some("Comcast"));
        assert_eq!(groups.provider(0), None);
        let (name, digest) = groups.label().split_once('@').unwrap();
        assert_eq!((name, digest.len()), ("providers.toml", 8));
        let other = Groups::parse("providers.toml", &FILE.replace("7015", "7016")).unwrap();
        assert_ne!(groups.label(), other.label());
    }

    #[test]
    fn errors_name_line_and_number() {
        let refused = |text: &str| Groups::parse("f", text).unwrap_err().to_string();
        let twice = FILE.replace("7015", "3320");
        // The order of the two depends on names, not on lines.
        let error = refused(&twice);
        assert!(error.contains("AS3320 belongs to \"Comcast\" already"), "{error}");
        assert!(error.starts_with("line 4: "), "{error}");
        assert_eq!(
            refused(&FILE.replace("7015", "4294967296")),
            "line 7: 4294967296 is no AS number (1 to 4294967295)"
        );
        assert!(refused(&FILE.replace("7015", "AS7015")).starts_with("line 7: "));
        assert!(refused(&FILE.replace("7015", "\"7015\"")).starts_with("line 7: invalid type"));
        assert!(refused(&FILE.replace("Comcast =", "\"\" =")).starts_with("line 5: "));
        assert!(refused("[provider]\nX = [1]").starts_with("line 1: unknown field `provider`"));
        assert!(refused("").contains("missing field `providers`"));
    }
}
