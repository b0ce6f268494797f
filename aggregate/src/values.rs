//! Which values of dimensions a block keeps apart; the others count as `other`.
//!
//! A client tells what it likes, and whatever is kept apart takes up memory here and rows in
//! ClickHouse. So within a block a session has a few values of each dimension: a client that tells
//! more pays for it, and nobody else. Only then, far above any real fleet, is there a limit for all
//! sessions of an app together. Which values are kept follows from the order of the block's records
//! alone. `unknown` and the empty value are always kept and count as none.

use hashbrown::{HashMap, HashSet};
use schemas::EnrichedReport;

use crate::block::Limits;
use crate::grouping::{Dimension, Labels, NAMED};
use crate::intern::{Interner, Symbol};

/// The AS number that stands for those that are not kept apart.
const OTHER_ASN: i64 = -1;
/// The number of an AS number among the fields, behind the names.
const ASN: u8 = FIELDS as u8;
/// Names of a report's session: those of dimensions, and those beside them.
const FIELDS: usize = NAMED + BESIDE;
const BESIDE: usize = 4;

/// What a report tells of its session, as it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) labels: Labels,
    /// City, browser's version, network and connection type: no dimensions of cells.
    pub(crate) beside: [Symbol; BESIDE],
}

impl Told {
    fn name(&self, field: usize) -> Symbol {
        if field < NAMED { self.labels.names[field] } else { self.beside[field - NAMED] }
    }

    fn name_mut(&mut self, field: usize) -> &mut Symbol {
        if field < NAMED { &mut self.labels.names[field] } else { &mut self.beside[field - NAMED] }
    }

    /// The values by field, but those that count as none.
    fn values(&self) -> impl Iterator<Item = (u8, u64)> {
        let names = (1..FIELDS).map(|field| (field as u8, self.name(field)));
        let names = names.filter(|(_, name)| !name.is_no_value());
        let asn = Some(self.labels.asn).filter(|asn| !is_no_asn(*asn));
        names
            .map(|(field, name)| (field, name.number()))
            .chain(asn.map(|asn| (ASN, asn.cast_unsigned())))
    }
}

const fn is_no_asn(asn: i64) -> bool {
    matches!(asn, 0 | OTHER_ASN)
}

/// Values kept of one session, by field; empty as long as it has told but one of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Vec<(u8, u64)>);

/// What a value was not kept for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capped {
    /// Its session has too many.
    pub(crate) by_session: bool,
    /// Its app has too many in the block.
    pub(crate) by_block: bool,
}

/// Values of dimensions that a block keeps apart.
#[derive(Debug)]
pub(crate) struct Values {
    limits: Limits,
    /// By app and field.
    known: HashSet<(Symbol, u8, u64)>,
    counts: HashMap<(Symbol, u8), u32>,
}

impl Values {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, known: HashSet::new(), counts: HashMap::new() }
    }

    /// What `report` tells of its session, of which `before` was told before.
    pub(crate) fn admit(
        &mut self,
        report: &EnrichedReport,
        before: Option<&Told>,
        kept: &mut Kept,
        names: &mut Interner,
    ) -> (Told, Capped) {
        let mut session = OfSession { app: names.symbol(&report.app), before, kept };
        let (mut told, mut capped) = (Told::default(), Capped::default());
        told.labels.names[Dimension::App as usize] = session.app;
        for (field, text) in texts(report).into_iter().enumerate().skip(1) {
            let known = names.find(text);
            let same = |symbol: &Symbol| {
                symbol.is_no_value() || before.is_some_and(|told| told.name(field) == *symbol)
            };
            *told.name_mut(field) = match known.filter(same) {
                Some(symbol) => symbol,
                None => match self.keeps(&mut session, field as u8, known.map(Symbol::number)) {
                    Keeps::Value => {
                        let symbol = names.symbol(text);
                        self.keep(&mut session, field as u8, symbol.number());
                        symbol
                    }
                    not => capped.note(not, Symbol::OTHER),
                },
            };
        }
        let asn = report.provider.asn;
        let same = is_no_asn(asn) || before.is_some_and(|told| told.labels.asn == asn);
        told.labels.asn = match same {
            true => asn,
            false => match self.keeps(&mut session, ASN, Some(asn.cast_unsigned())) {
                Keeps::Value => {
                    self.keep(&mut session, ASN, asn.cast_unsigned());
                    asn
                }
                not => capped.note(not, OTHER_ASN),
            },
        };
        (told, capped)
    }

    fn keeps(&self, session: &mut OfSession<'_>, field: u8, value: Option<u64>) -> Keeps {
        session.recollect();
        let kept = &session.kept.0;
        if value.is_some_and(|value| kept.contains(&(field, value))) {
            return Keeps::Value;
        }
        let of_field = kept.iter().filter(|(of, _)| *of == field).count();
        if of_field >= self.limits.session_values as usize {
            return Keeps::NotOfSession;
        }
        let app = session.app;
        let known = value.is_some_and(|value| self.known.contains(&(app, field, value)));
        let count = self.counts.get(&(app, field)).copied().unwrap_or(0);
        if is_dimension(field) && !known && count >= self.limits.values {
            return Keeps::NotOfBlock;
        }
        Keeps::Value
    }

    fn keep(&mut self, session: &mut OfSession<'_>, field: u8, value: u64) {
        if session.before.is_some() && !session.kept.0.contains(&(field, value)) {
            session.kept.0.push((field, value));
        }
        if is_dimension(field) && self.known.insert((session.app, field, value)) {
            *self.counts.entry((session.app, field)).or_default() += 1;
        }
    }
}

impl Capped {
    fn note<T>(&mut self, keeps: Keeps, other: T) -> T {
        match keeps {
            Keeps::NotOfSession => self.by_session = true,
            _ => self.by_block = true,
        }
        other
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Value,
    NotOfSession,
    NotOfBlock,
}

struct OfSession<'a> {
    app: Symbol,
    /// None for its first report in the block.
    before: Option<&'a Told>,
    kept: &'a mut Kept,
}

impl OfSession<'_> {
    /// Notes what was told before, now that something else is.
    fn recollect(&mut self) {
        if let Some(before) = self.before
            && self.kept.0.is_empty()
        {
            self.kept.0.extend(before.values());
        }
    }
}

const fn is_dimension(field: u8) -> bool {
    (field as usize) < NAMED || field == ASN
}

/// In the order of [`Dimension`], and behind them those of [`Told::beside`].
fn texts(report: &EnrichedReport) -> [&str; FIELDS] {
    [
        &report.app,
        &report.place.continent,
        &report.place.country,
        &report.place.subdivision,
        &report.provider.organisation,
        &report.network_type,
        &report.edge,
        &report.device.class,
        &report.device.os,
        &report.device.browser,
        &report.client_version,
        &report.place.city,
        &report.device.browser_version,
        &report.network,
        &report.provider.connection_type,
    ]
}

#[cfg(test)]
mod tests;
