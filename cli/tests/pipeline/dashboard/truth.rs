//! Figures that the pages have to show, from the oracle's fold of the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use oracle::oracle::{Bins, Cell, CellKey, Geo, Hour, HourKey, Oracle};
use serde_json::{Value, json};
use stack::cache::GeoFiles;
use statistics::{Figure, Session, Standard, State, Strata, Stratum, Sums, raw_figure, union};
use world::replayed;

const DAY_S: i64 = 86_400;
/// Smallest number of sessions of a figure that is shown.
const MINIMUM: u64 = 5;
/// Relative accuracy of sketches.
const ACCURACY: f64 = 0.01;

/// The truth as the oracle folds it.
pub(super) struct Truth {
    hours: Vec<(HourKey, Hour)>,
    cells: Vec<(CellKey, Cell)>,
}

/// A share of sums: part and whole of a row.
type Ratio = fn(&Hour) -> (i64, i64);

const RATIOS: [(&str, Ratio); 3] = [
    ("poor_share", |hour| (hour.measures.poor_us, hour.measures.poor_us + hour.measures.good_us)),
    ("loss", |hour| (hour.measures.packets_lost, hour.measures.packets_expected)),
    ("setup_failures", |hour| (hour.measures.setups_failed, hour.measures.setups_attempted)),
];

/// Quantiles: name, level, and the place of the sketch.
const QUANTILES: [(&str, f64, &str); 3] = [
    ("round_trip_p95", 0.95, "round_trip_ms"),
    ("mos", 0.5, "audio_mos"),
    ("time_to_media", 0.5, "time_to_media_ms"),
];

impl Truth {
    /// Returns the number of records that a truth file describes.
    pub(super) fn records(file: &Path) -> u64 {
        replayed::open(File::open(file).unwrap()).unwrap().1.count() as u64
    }

    /// Folds a truth file.
    pub(super) fn read(file: &Path, geo: GeoFiles) -> Self {
        let mut oracle = Oracle::new(Geo::open(&geo.city, &geo.asn).unwrap());
        for record in replayed::open(File::open(file).unwrap()).unwrap().1 {
            oracle.fold(record.unwrap()).unwrap();
        }
        let expected = oracle.finish();
        Self {
            hours: expected.session_hours.into_iter().collect(),
            cells: expected.cells.into_iter().filter(|(key, _)| key.grouping == "place").collect(),
        }
    }

    /// Returns the figures of a day up to the last whole hour, of the world, the country and the provider, and the
    /// league of the country (JSON).
    pub(super) fn expected(&self, (provider, country): (&str, &str)) -> String {
        let last = self.hours.iter().map(|(key, _)| key.hour).max().unwrap();
        let (from, to) = (last - DAY_S, last);
        let all = Scope { from, to, country: None, provider: None };
        let in_country = Scope { country: Some(country), ..all };
        let of_provider = Scope { provider: Some(provider), ..in_country };
        json!({
            "from": rfc3339(from),
            "to": rfc3339(to),
            "now": self.headlines(&all),
            "place": self.headlines(&in_country),
            "provider": self.headlines(&of_provider),
            "league": self.league(&in_country),
        })
        .to_string()
    }

    fn headlines(&self, scope: &Scope) -> Value {
        let ratio = |(name, ratio): &(&str, Ratio)| {
            ((*name).to_owned(), figure(&raw_figure(&self.strata(scope, *ratio))))
        };
        let quantile = |(name, level, sketch): &(&str, f64, &str)| {
            ((*name).to_owned(), json!({"value": self.quantile(scope, *level, sketch)}))
        };
        RATIOS
            .iter()
            .map(ratio)
            .chain(QUANTILES.iter().map(quantile))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// The providers of a country by poor share, with figures adjusted to the mix of all of them.
    fn league(&self, scope: &Scope) -> Value {
        let within = self.hours.iter().filter(|(key, _)| scope.holds(key));
        let names: BTreeSet<_> = within.map(|(key, _)| key.organisation.as_str()).collect();
        let strata = |name| self.strata(&Scope { provider: Some(name), ..*scope }, RATIOS[0].1);
        let groups: BTreeMap<_, _> = names.into_iter().map(|name| (name, strata(name))).collect();
        let standard = Standard::of(&union(groups.values())).unwrap();
        let row = |(name, group): (&&str, &Strata)| json!({"name": name, "raw": figure(&raw_figure(group)), "adjusted": figure(&standard.figure(group))});
        groups.iter().map(row).collect()
    }

    /// The sessions of a scope by stratum, both directions together.
    fn strata(&self, scope: &Scope, ratio: Ratio) -> Strata {
        let mut sessions: BTreeMap<_, (i64, i64)> = BTreeMap::new();
        for (key, hour) in self.hours.iter().filter(|(key, _)| scope.holds(key)) {
            let stratum = Stratum {
                browser: key.browser.clone(),
                device_class: key.device_class.clone(),
                network_type: key.network_type.clone(),
                kind: format!("{:?}", key.kind),
                direction: String::new(),
            };
            let session = (stratum, &key.app, &key.call, &key.participant);
            let (part, whole) = ratio(hour);
            let sum = sessions.entry(session).or_default();
            *sum = (sum.0 + part, sum.1 + whole);
        }
        let mut strata = Strata::new();
        for ((stratum, ..), (part, whole)) in
            sessions.into_iter().filter(|(_, (_, whole))| *whole > 0)
        {
            *strata.entry(stratum).or_default() += Sums::of(&[Session { part, whole }]);
        }
        strata
    }

    /// A quantile of the cells of a scope: the middle of its bin, as the sketch defines it.
    fn quantile(&self, scope: &Scope, level: f64, sketch: &str) -> Option<f64> {
        let at = oracle::oracle::SKETCHES.iter().position(|name| *name == sketch).unwrap();
        let mut all = Bins::default();
        for (_, cell) in self.cells.iter().filter(|(key, _)| scope.holds_cell(key)) {
            let bins = &cell.sketches[at];
            all.zero += bins.zero;
            bins.positive
                .iter()
                .for_each(|(bin, count)| *all.positive.entry(*bin).or_default() += count);
        }
        let count = all.zero + all.positive.values().sum::<u64>();
        let rank = level * count.checked_sub(1)? as f64;
        let mut below = all.zero;
        if below as f64 > rank {
            return Some(0.0);
        }
        let gamma: f64 = (1.0 + ACCURACY) / (1.0 - ACCURACY);
        all.positive.iter().find_map(|(bin, count)| {
            below += count;
            (below as f64 > rank).then(|| gamma.powi(*bin) * (1.0 + ACCURACY))
        })
    }
}

#[derive(Clone, Copy)]
struct Scope<'a> {
    from: i64,
    to: i64,
    country: Option<&'a str>,
    provider: Option<&'a str>,
}

impl Scope<'_> {
    fn holds(&self, key: &HourKey) -> bool {
        (self.from..self.to).contains(&key.hour) && self.is_of(&key.country, &key.organisation)
    }

    fn holds_cell(&self, key: &CellKey) -> bool {
        (self.from..self.to).contains(&key.window_start)
            && self.is_of(&key.dimensions.country, &key.dimensions.organisation)
    }

    fn is_of(&self, country: &str, organisation: &str) -> bool {
        self.country.is_none_or(|it| it == country)
            && self.provider.is_none_or(|it| it == organisation)
    }
}

fn figure(figure: &Figure) -> Value {
    let is_shown = figure.sessions >= MINIMUM && figure.state != State::NoData;
    if !is_shown {
        return Value::Null;
    }
    json!({
        "value": figure.value,
        "lower": figure.lower,
        "upper": figure.upper,
        "sessions": figure.sessions,
        "effective": figure.effective_sessions,
        "needs": (figure.state == State::CannotTell).then_some(figure.needs_sessions),
        "tells": figure.state != State::CannotTell,
    })
}

fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_second(at).unwrap().to_string()
}
