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
    /// City or country data: MMDB files in the shapes of MaxMind, DB-IP or IPinfo, asked in this
    /// order, so that IPv4 and IPv6 may have files of their own. None: every place is unknown.
    pub city: Vec<PathBuf>,
    /// ASN or ISP data: MMDB files in those shapes, or CSV of `first,last,asn,organisation`, asked
    /// in this order. None: every provider is unknown. CSV must end with a line break, and a new
    /// edition that lacks more than a tenth of the ranges is not taken into use: one that is cut
    /// off would look whole.
    pub asn: Vec<PathBuf>,
    /// Connection types: MMDB files in those shapes, asked in this order. What they do not know may
    /// be told by `asn`'s.
    pub connection_type: Vec<PathBuf>,
    /// Which autonomous systems are one provider: TOML, `[providers]` and below it a line
    /// `"Name" = [AS numbers]` for each. None: a provider is an organisation of `asn`'s.
    pub providers: Option<PathBuf>,
    /// Seconds between two looks at the files of look-up data. One that changed is checked and then
    /// taken into use; one that cannot be used leaves the old one in use. 0: they are read once.
    pub reload_s: u32,
    /// Networks of TURN relays (`"192.0.2.0/24"`): an address in them is not the client's, and
    /// counts as not told.
    #[schemars(with = "Vec<String>")]
    pub relay_networks: Vec<IpNet>,
    /// Threshold packs, each a name of one that comes with the program or a JSON file. All judge
    /// every interval; the first is the primary one, which `poor_us` and its like go by.
    pub packs: Vec<String>,
    /// Parameters of the audio score (JSON) instead of those that come with the program.
    pub score: Option<PathBuf>,
    /// Parameters of the video score (JSON) instead of those that come with the program.
    pub video_score: Option<PathBuf>,
    /// Addresses whose look-ups are remembered, about 100 bytes each.
    pub address_cache: usize,
    /// User agents whose reading is remembered, about 400 bytes each.
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

/// Most entries of a memory: at 400 bytes each, 4 GB.
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
    /// Opens everything that is named; what cannot be opened is a problem, and then there are no
    /// tables.
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

/// The packs named; none if there is a problem with one.
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
