//! Section `[enrich]` of the settings, and the files that it names.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_methods, reason = "the part that reads look-up files")
)]

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{Check, Problems};

use crate::error::ParameterError;
use crate::pack::Pack;
use crate::score::{AudioScore, Scores, VideoScore};
use crate::sources::Sources;

/// Section `[enrich]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EnrichSettings {
    /// Files of city or country data: MMDB with the structure of MaxMind's, DB-IP's or IPinfo's.
    /// They are searched in this order, so that IPv4 and IPv6 may have separate files. Empty: every
    /// place is unknown.
    pub city: Vec<PathBuf>,
    /// Files of ASN or ISP data: such MMDB files, or CSV of `first,last,asn,organisation`. They are
    /// searched in this order. Empty: every provider is unknown. CSV must end with a line break,
    /// and a new edition with less than nine tenths of the ranges is not used, because it may be
    /// truncated.
    pub asn: Vec<PathBuf>,
    /// Files of connection types: such MMDB files, searched in this order. Connection types that
    /// they lack are taken from the files of `asn`.
    pub connection_type: Vec<PathBuf>,
    /// File of groups of autonomous systems that count as one provider: TOML, `[providers]` and
    /// below it a line `"Name" = [AS numbers]` for each. Without it, a provider is an organisation
    /// in `asn`.
    pub providers: Option<PathBuf>,
    /// Interval in seconds at which the files of look-up data are checked for changes. A changed
    /// file is validated and then used; if it is invalid, the old one stays in use. 0: files are
    /// read only once.
    pub reload_s: u32,
    /// Networks of TURN relays (`"192.0.2.0/24"`). An address in them is not the client's and
    /// counts as missing.
    #[schemars(with = "Vec<String>")]
    pub relay_networks: Vec<IpNet>,
    /// Threshold packs: names of built-in packs, or JSON files. All of them judge every interval.
    /// The first is the primary pack, which `poor_us`, `good_us` and `unclassified_us` refer to.
    pub packs: Vec<String>,
    /// File with parameters of the audio score (JSON), instead of the built-in ones.
    pub score: Option<PathBuf>,
    /// File with parameters of the video score (JSON), instead of the built-in ones.
    pub video_score: Option<PathBuf>,
    /// Maximum number of cached look-ups of addresses, about 100 bytes each.
    pub address_cache: usize,
    /// Maximum number of cached parsed user agents, about 400 bytes each.
    pub user_agent_cache: usize,
}

impl Default for EnrichSettings {
    fn default() -> Self {
        Self {
            city: Vec::new(),
            asn: Vec::new(),
            connection_type: Vec::new(),
            providers: None,
            reload_s: 2,
            relay_networks: Vec::new(),
            packs: Pack::EMBEDDED.iter().map(|(name, _)| (*name).to_owned()).collect(),
            score: None,
            video_score: None,
            address_cache: 262_144,
            user_agent_cache: 8_192,
        }
    }
}

/// Maximum number of entries of a cache: at 400 bytes each, 4 GB.
const MAX_REMEMBERED: usize = 10_000_000;

/// Look-up data, scores and threshold packs that the settings name.
pub struct Tables {
    pub(crate) sources: Sources,
    pub(crate) scores: Scores,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

impl EnrichSettings {
    /// Opens everything that the settings name. Adds a problem for each file that cannot be opened;
    /// then there are no tables.
    pub(crate) fn open(&self, problems: &mut Problems) -> Option<Tables> {
        let sources = Sources::open(self, problems);
        let scores = self.scores(problems);
        Some(Tables { sources: sources?, scores: scores? })
    }

    fn scores(&self, problems: &mut Problems) -> Option<Scores> {
        let score = self.score.as_deref();
        let audio = data("score", score, AudioScore::EMBEDDED, problems, AudioScore::parse);
        let score = self.video_score.as_deref();
        let video = data("video_score", score, VideoScore::EMBEDDED, problems, VideoScore::parse);
        let packs = packs(&self.packs, problems);
        Some(Scores::new(audio?, video?, packs?))
    }
}

impl Check for EnrichSettings {
    fn check(&self, problems: &mut Problems) {
        for (key, capacity) in
            [("address_cache", self.address_cache), ("user_agent_cache", self.user_agent_cache)]
        {
            if !(1..=MAX_REMEMBERED).contains(&capacity) {
                problems.push(key, format!("must be from 1 to {MAX_REMEMBERED}"));
            }
        }
    }
}

/// Returns the named packs; none if there is a problem with one.
fn packs(names: &[String], problems: &mut Problems) -> Option<Vec<Pack>> {
    if names.is_empty() {
        problems.push("packs", "names no pack, and at least one is needed");
        return None;
    }
    let mut packs: Vec<Option<Pack>> = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let key = format!("packs.{number}");
        let mut shipped = Pack::EMBEDDED.iter().chain(&Pack::OLDER);
        let embedded = shipped.find(|(known, _)| known == name);
        let is_path = name.contains(['/', '.']);
        let pack = match embedded {
            Some((_, json)) => data(&key, None, json, problems, Pack::parse),
            None if is_path => data(&key, Some(Path::new(name)), "", problems, Pack::parse),
            None => {
                let shipped = Pack::EMBEDDED.iter().chain(&Pack::OLDER);
                let known = shipped.map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
                problems.push(&key, format!(
                    "there is no pack {name:?}: {known} come with the program, and a file is named \
                     by its path (./{name}.json)"
                ));
                None
            }
        };
        let repeats = |pack: &Pack| packs.iter().flatten().any(|one| one.label() == pack.label());
        if let Some(pack) = pack.as_ref().filter(|pack| repeats(pack)) {
            problems.push(&key, format!("{} is there already", pack.label()));
        }
        packs.push(pack);
    }
    packs.into_iter().collect()
}

fn data<T>(
    key: &str,
    path: Option<&Path>,
    embedded: &str,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, ParameterError>,
) -> Option<T> {
    let parsed = match path {
        None => parse(embedded),
        Some(path) => fs::read_to_string(path).map_err(Into::into).and_then(|json| parse(&json)),
    };
    let file = path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    parsed.map_err(|error| problems.push(key, format!("{file}{error}"))).ok()
}

#[cfg(test)]
mod tests;
