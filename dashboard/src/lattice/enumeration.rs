//! Every allowed answer about small worlds, and what any two of them differ by.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::is_allowed;
use crate::access::{Access, Role};
use crate::ask::Asker;
use crate::dimension::Dimension;
use crate::endpoints::BreakdownOptions;
use crate::figure::{Figure, LEVELS};
use crate::filter::{DAY, Filter, HOUR, Question, Range};
use crate::fold::MINIMUM;
use crate::league::Sort;
use crate::named::Named;
use crate::query::Query;
use crate::settings::DashboardSettings;
use crate::store::{Parameter, Parameters, Store};

/// 2026-11-30T00:00:00Z, a Monday.
const START: i64 = 1_795_996_800;
/// The end of the world.
const NOW: i64 = START + DAY - 1;
/// Number of worlds.
const WORLDS: u64 = 3;
/// Hours in which there are sessions.
const HOURS: [i64; 3] = [0, 5, 22];
/// Dimensions with several values.
const USED: [Dimension; 6] = [
    Dimension::App,
    Dimension::Continent,
    Dimension::Country,
    Dimension::Provider,
    Dimension::NetworkType,
    Dimension::Kind,
];

/// Dimension values of a session in one hour and kind.
#[derive(Clone, Debug)]
struct Seen {
    session: usize,
    hour: i64,
    values: BTreeMap<Dimension, &'static str>,
}

impl Seen {
    fn value(&self, column: &str) -> String {
        let at = START + self.hour * HOUR;
        match column {
            "everything" => String::new(),
            "at_hour" => at.to_string(),
            "at_day" => (at - at.rem_euclid(DAY)).to_string(),
            "at_weekhour" => (100 + self.hour).to_string(),
            name => Dimension::named(name)
                .and_then(|dimension| self.values.get(&dimension))
                .map_or_else(|| "x".to_owned(), |value| (*value).to_owned()),
        }
    }
}

/// Places with their providers. `One` is in two countries.
const PLACES: [(&str, &str, &str); 7] = [
    ("SA", "BR", "One"),
    ("SA", "BR", "Two"),
    ("SA", "BR", "Three"),
    ("SA", "AR", "One"),
    ("SA", "AR", "Four"),
    ("EU", "DE", "Five"),
    ("EU", "FR", "Six"),
];

/// Numbers that only depend on `state`.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// Returns a world in which most cells are small or nearly all of a wider one.
fn world(seed: u64) -> Vec<Seen> {
    let mut state = seed;
    let mut world = Vec::new();
    let mut session = 0;
    for (continent, country, provider) in PLACES {
        for network in ["wifi", "cellular"] {
            let sessions = [0, 1, 2, 4, 6, 12][random(&mut state, 6) as usize];
            for _ in 0..sessions {
                let few = |state: &mut u64| random(state, 10) == 0;
                let app = if few(&mut state) { "b" } else { "a" };
                let hour = if few(&mut state) { HOURS[random(&mut state, 3) as usize] } else { 5 };
                let has_video = !few(&mut state);
                for kind in ["audio", "video"] {
                    if kind == "video" && !has_video {
                        continue;
                    }
                    let values = [app, continent, country, provider, network, kind];
                    let values = USED.into_iter().zip(values).collect();
                    world.push(Seen { session, hour, values });
                }
                session += 1;
            }
        }
    }
    world
}

/// Answers the queries of a world, as ClickHouse would.
fn answer(world: &[Seen], query: Named, parameters: &Parameters) -> String {
    let text = |name: &str| match parameters.iter().find(|(known, _)| *known == name) {
        Some((_, Parameter::Text(text))) => text.clone(),
        _ => String::new(),
    };
    let time = |name: &str| {
        let text = text(name).replace(' ', "T") + "Z";
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    };
    let (from, to) = (time("from"), time("to"));
    let columns = ["above", "parent", "by", "bucket"].map(text);
    let all = Dimension::ALL.iter().enumerate();
    let wanted: Vec<_> = all.map(|(place, one)| (1 << place, *one, text(one.name()))).collect();
    let mask = |seen: &Seen| {
        let is_met = |one: &Dimension, value: &str| {
            value.is_empty() || seen.values.get(one).is_some_and(|own| *own == value)
        };
        let met = wanted.iter().filter(|(_, one, value)| is_met(one, value));
        met.map(|(bit, _, _)| bit).sum::<u16>()
    };
    let mut cells: BTreeMap<[String; 4], Sessions> = BTreeMap::new();
    for seen in world {
        let at = START + seen.hour * HOUR;
        if (from..to).contains(&at) {
            let key = columns.clone().map(|column| seen.value(&column));
            let sessions = cells.entry(key).or_default();
            sessions.entry(seen.session).or_default().push((mask(seen), at));
        }
    }
    let lines = cells.into_iter().flat_map(|(key, sessions)| lines(query, &key, &sessions));
    lines.map(|line| line.to_string() + "\n").collect()
}

/// Rows of each session: the values that they have, as a mask, and their time.
type Sessions = BTreeMap<usize, Vec<(u16, i64)>>;

fn lines(
    query: Named,
    [above, parent, name, bucket]: &[String; 4],
    sessions: &Sessions,
) -> Vec<serde_json::Value> {
    const FULL: u16 = (1 << 14) - 1;
    let key = json!({"above": above, "parent": parent, "name": name, "bucket": bucket});
    let with = |more: serde_json::Value| {
        let mut line = key.clone();
        line.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        line
    };
    let rows = || sessions.values().flatten().filter(|(mask, _)| *mask == FULL);
    let is_in = |rows: &&Vec<(u16, i64)>| rows.iter().any(|(mask, _)| *mask == FULL);
    let inside = sessions.values().filter(is_in).count();
    match query {
        Named::Lattice | Named::Counts => {
            let line = |rows: &Vec<(u16, i64)>| {
                let masks: BTreeSet<u16> = rows.iter().map(|(mask, _)| *mask).collect();
                let own = rows.iter().filter(|(mask, _)| *mask == FULL).map(|(_, at)| *at);
                let first = own.clone().min().unwrap_or(0);
                let last = own.max().unwrap_or(0);
                with(json!({"masks": masks, "sessions": 1, "firsts": [first], "lasts": [last]}))
            };
            sessions.values().map(line).collect()
        }
        _ if inside == 0 => Vec::new(),
        Named::Strata => {
            let n = inside.to_string();
            vec![with(json!({"browser": "", "device_class": "", "network_type": "", "kind": "",
                "sessions": inside, "w": n, "y": "1", "ww": n, "wy": "1", "yy": "1",
                "intervals": rows().count()}))]
        }
        Named::QuantilesOverview | Named::QuantilesCells => {
            vec![with(json!({"observations": rows().count(), "quantiles": LEVELS}))]
        }
        other => panic!("{other:?} is no query of the default role about hours"),
    }
}

/// Rows of the world, a bit for each.
type Rows = [u64; 4];

/// Figures that an answer shows, or the rest of a total.
#[derive(Clone, Debug)]
struct Shown {
    rows: Rows,
    what: String,
}

/// All that is shown of a world.
struct Lattice {
    world: Vec<Seen>,
    asker: Asker,
    runtime: tokio::runtime::Runtime,
    /// Dimensions that are asked about.
    asked: Vec<Dimension>,
    shown: BTreeMap<Rows, String>,
}

fn is_in(rows: &Rows, of: &Rows) -> bool {
    rows.iter().zip(of).all(|(a, b)| a & !b == 0)
}

fn minus(a: &Rows, b: &Rows) -> Rows {
    [0, 1, 2, 3].map(|at| a[at] & !b[at])
}

impl Lattice {
    fn of(seed: u64, asked: &[Dimension]) -> Self {
        let world = world(seed);
        assert!(world.len() <= 256, "{}", world.len());
        let own = world.clone();
        let settings = DashboardSettings { reuse_s: 0, ..DashboardSettings::default() };
        let kept = Mutex::new(HashMap::new());
        let answers = Box::new(move |query: Named, parameters: &Parameters| {
            let mut kept = kept.lock().unwrap();
            let known: &mut String = kept
                .entry((query, parameters.clone()))
                .or_insert_with(|| answer(&own, query, parameters));
            known.clone()
        });
        let store = Arc::new(Store::of_world(&settings, answers).unwrap());
        let asker = Asker { store, role: Role::Viewer, now: NOW, read: Arc::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { world, asker, runtime, asked: asked.to_vec(), shown: BTreeMap::new() }
    }

    fn rows(&self, filter: &Filter, range: Range) -> Rows {
        let mut rows = Rows::default();
        for (place, seen) in self.world.iter().enumerate() {
            let is_met = filter.iter().all(|(dimension, value)| seen.values[dimension] == value);
            if is_met && (range.from..range.to).contains(&(START + seen.hour * HOUR)) {
                rows[place / 64] |= 1 << (place % 64);
            }
        }
        rows
    }

    fn sessions(&self, rows: &Rows) -> usize {
        let is_there = |place: &usize| rows[place / 64] & (1 << (place % 64)) != 0;
        let places = (0..self.world.len()).filter(is_there);
        places.map(|place| self.world[place].session).collect::<BTreeSet<_>>().len()
    }

    fn show(&mut self, filter: &Filter, range: Range, what: &str) {
        let rows = self.rows(filter, range);
        self.shown.entry(rows).or_insert_with(|| format!("{what} {filter:?} {range:?}"));
    }

    fn show_if(&mut self, figure: &Figure, filter: &Filter, range: Range, what: &str) {
        if figure.sessions.is_some_and(|sessions| sessions > 0) {
            self.show(filter, range, what);
        }
    }

    /// Asks everything about a filter and a range.
    fn ask(&mut self, filter: &Filter, range: Range) {
        let access = Access { role: Role::Viewer, apps: None };
        let question = Question::read(&Query::default(), &access, NOW).unwrap();
        let question = question.with(filter.clone()).at(range, NOW);
        let asker = self.asker.clone();
        let data = self.runtime.block_on(asker.data(&question)).unwrap();
        self.show_if(&data.figure(question.measure, MINIMUM), filter, range, "total");

        if range.length() < DAY && filter.len() > 2 {
            return;
        }
        let curve = self.runtime.block_on(asker.distribution(&question, "round_trip_ms"));
        if curve.is_ok_and(|curve| curve.sessions.is_some_and(|sessions| sessions > 0)) {
            self.show(filter, range, "distribution");
        }
        let series = self.runtime.block_on(asker.series(&question)).unwrap();
        for point in &series.points {
            let at = point.at.parse::<jiff::Timestamp>().unwrap().as_second();
            let step = Range { from: at, to: at + series.step_s };
            self.show_if(&point.figure, filter, step, "series");
        }
        if range.length() >= DAY {
            let heat = self.runtime.block_on(asker.heat(&question)).unwrap();
            for cell in heat.cells.iter().filter(|cell| cell.weekday == 1) {
                let from = START + i64::from(cell.hour) * HOUR;
                self.show_if(&cell.figure, filter, Range { from, to: from + HOUR }, "heat");
            }
        }
        for by in self.asked.clone() {
            let all = filter.keys().copied().chain([by]).collect();
            if !filter.contains_key(&by) && is_allowed(&all) {
                self.ask_by(&question, by);
            }
        }
    }

    fn ask_by(&mut self, question: &Question, by: Dimension) {
        let options =
            BreakdownOptions { limit: 1000, sort: Sort::Harm, sparkline: true, weights: true };
        let asker = self.asker.clone();
        let answer = self.runtime.block_on(asker.breakdown(question, by, options)).unwrap();
        let (filter, range) = (&question.filter, question.range);
        let cell = |key: &BTreeMap<Dimension, String>| {
            let mut cell = filter.clone();
            cell.extend(key.iter().map(|(dimension, value)| (*dimension, value.clone())));
            cell
        };
        let mut left = self.rows(filter, range);
        for row in answer.rows.iter().filter(|row| row.folded.is_none()) {
            let cell = cell(&row.key);
            self.show_if(&row.raw, &cell, range, "row");
            left = minus(&left, &self.rows(&cell, range));
            for spark in row.sparkline.iter().flatten().filter(|spark| spark.sessions > Some(0)) {
                let from = spark.at.parse::<jiff::Timestamp>().unwrap().as_second();
                let step = Range { from, to: from + question.step().seconds() };
                self.show(&cell, step, "sparkline");
            }
        }
        if answer.total.sessions.is_some_and(|sessions| sessions > 0) {
            self.shown
                .entry(left)
                .or_insert_with(|| format!("rest by {by:?} of {filter:?} {range:?}"));
        }
        let values = self.runtime.block_on(asker.values(question, by, "", 1000)).unwrap();
        // A value of several countries is the sum of them.
        for value in values.values.iter().filter(|_| by.parent().is_none()) {
            self.show(&cell(&[(by, value.value.clone())].into()), range, "values");
        }
    }

    /// Returns pairs whose difference are one to four sessions.
    fn pairs(&self) -> Vec<String> {
        let all: Vec<Shown> = self
            .shown
            .iter()
            .map(|(rows, what)| Shown { rows: *rows, what: what.clone() })
            .collect();
        let mut wrong = Vec::new();
        let few = |rows: &Rows| (1..MINIMUM as usize).contains(&self.sessions(rows));
        for a in &all {
            if few(&a.rows) {
                wrong.push(format!("{} alone", a.what));
            }
            for b in &all {
                if a.rows != b.rows && is_in(&b.rows, &a.rows) && few(&minus(&a.rows, &b.rows)) {
                    wrong.push(format!("{} minus {}", a.what, b.what));
                }
            }
        }
        wrong
    }
}

/// Returns all filters of a world by some dimensions, of the combinations that the default role may ask for.
fn filters(world: &[Seen], asked: &[Dimension]) -> Vec<Filter> {
    let mut found = vec![Filter::new()];
    for dimension in asked {
        let values: BTreeSet<&str> = world.iter().map(|seen| seen.values[dimension]).collect();
        let with = |filter: &Filter, value: &str| {
            let mut filter = filter.clone();
            filter.insert(*dimension, value.to_owned());
            filter
        };
        let more = found.iter().flat_map(|filter| values.iter().map(|value| with(filter, value)));
        let more: Vec<_> = more.collect();
        found.extend(more);
    }
    found.retain(|filter| is_allowed(&filter.keys().copied().collect()));
    found
}

fn enumerate(asked: &[Dimension], worlds: u64) {
    for seed in 1..=worlds {
        let mut lattice = Lattice::of(seed, asked);
        let day = Range { from: START, to: START + DAY };
        let hours = HOURS.map(|hour| {
            let from = START + hour * HOUR;
            Range { from, to: from + HOUR }
        });
        for filter in filters(&lattice.world.clone(), asked) {
            for range in [day].into_iter().chain(hours) {
                lattice.ask(&filter, range);
            }
        }
        let wrong = lattice.pairs();
        let shown = lattice.shown.len();
        assert!(shown > 5, "world {seed} shows nothing: {shown}");
        let first: Vec<_> = wrong.iter().take(12).collect();
        assert!(wrong.is_empty(), "world {seed}: {} of {shown}: {first:#?}", wrong.len());
    }
}

/// In further worlds a provider without its country, or a network type of one provider alone, has the sessions of
/// another filter that does not contain it: such pairs are not defended (docs/reference/dashboard.md).
#[test]
fn no_two_answers_about_places_and_networks_differ_by_a_few_sessions() {
    enumerate(&[Dimension::Country, Dimension::Provider, Dimension::NetworkType], 1);
}

#[test]
fn no_two_answers_about_places_and_kinds_differ_by_a_few_sessions() {
    enumerate(&[Dimension::Country, Dimension::Provider, Dimension::Kind], WORLDS);
}

#[test]
fn no_two_answers_about_apps_and_networks_differ_by_a_few_sessions() {
    enumerate(&[Dimension::App, Dimension::Country, Dimension::NetworkType], WORLDS);
}

#[test]
fn no_two_answers_about_continents_and_providers_differ_by_a_few_sessions() {
    enumerate(&[Dimension::Continent, Dimension::Country, Dimension::Provider], WORLDS);
}
