//! Section `[enrich]` of the settings, and what its paths name.

use std::fs;
use std::path::{Path, PathBuf};

use runtime::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::geo::{Geo, Mmdb, ProviderFile};
use crate::pack::Pack;
use crate::score::EModel;

/// Section `[enrich]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EnrichSettings {
    /// City or country data: MMDB files in the shapes of MaxMind, DB-IP or IPinfo, asked in this
    /// order, so that IPv4 and IPv6 may have files of their own. None: every place is unknown.
    /// The files are mapped: replace one only by renaming another over it.
    pub city: Vec<PathBuf>,
    /// ASN data: MMDB files in those shapes, or CSV of `first,last,asn,organisation`, asked in this
    /// order. None: every provider is unknown. Replace a file only by renaming another over it.
    pub asn: Vec<PathBuf>,
    /// Threshold pack (JSON) instead of the one that comes with the program.
    pub pack: Option<PathBuf>,
    /// Parameters of the audio score (JSON) instead of those that come with the program.
    pub score: Option<PathBuf>,
    /// Addresses whose look-ups are remembered, about 400 bytes each.
    pub address_cache: usize,
    /// User agents whose reading is remembered, about 400 bytes each.
    pub user_agent_cache: usize,
}

impl Default for EnrichSettings {
    fn default() -> Self {
        Self {
            city: Vec::new(),
            asn: Vec::new(),
            pack: None,
            score: None,
            address_cache: 32_768,
            user_agent_cache: 8_192,
        }
    }
}

/// All that a report is looked up in or held against, but the user agents' rules.
pub(crate) struct Tables {
    pub(crate) geo: Geo,
    pub(crate) pack: Pack,
    pub(crate) score: EModel,
}

impl EnrichSettings {
    /// Opens everything that is named; what cannot be opened is a problem, and then there are no
    /// tables.
    pub(crate) fn open(&self, problems: &mut Problems) -> Option<Tables> {
        let city = each("city", &self.city, problems, Mmdb::open);
        let asn = each("asn", &self.asn, problems, ProviderFile::open);
        let pack = data("pack", self.pack.as_deref(), Pack::EMBEDDED, problems, Pack::parse);
        let score = data("score", self.score.as_deref(), EModel::EMBEDDED, problems, EModel::parse);
        Some(Tables { geo: Geo { city: city?, asn: asn? }, pack: pack?, score: score? })
    }
}

impl Check for EnrichSettings {
    fn check(&self, problems: &mut Problems) {
        self.open(problems);
    }
}

fn each<T>(
    key: &str,
    paths: &[PathBuf],
    problems: &mut Problems,
    open: impl Fn(&Path) -> Result<T, String>,
) -> Option<Vec<T>> {
    let opened = paths.iter().map(|path| {
        open(path).map_err(|error| problems.push(key, format!("{}: {error}", path.display())))
    });
    let opened = opened.collect::<Vec<_>>();
    opened.into_iter().collect::<Result<_, _>>().ok()
}

fn data<T>(
    key: &str,
    path: Option<&Path>,
    embedded: &str,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let parsed = match path {
        None => parse(embedded),
        Some(path) => fs::read_to_string(path)
            .map_err(|error| error.to_string())
            .and_then(|json| parse(&json))
            .map_err(|error| format!("{}: {error}", path.display())),
    };
    parsed.map_err(|error| problems.push(key, error)).ok()
}

#[cfg(test)]
mod tests;
