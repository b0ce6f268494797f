//! Values of dimensions that a block keeps apart; the others count as `other`.
//!
//! Clients send arbitrary values, and each value that is kept apart takes memory here and rows in
//! ClickHouse. So within a block a session has a few values of each dimension: a client that sends
//! more affects only its own session. Only then, far above any real fleet, is there a limit for all
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
const BESIDE: usize = 3;
/// Memory of a value that an app has in the block, and of one that a session has, bytes: those of an
/// entry and of the room that tables keep free.
const KNOWN_BYTES: usize = 48;
const NOTED_BYTES: usize = 24;

/// Dimension values under which a report counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) labels: Labels,
    /// City, network and connection type: no dimensions of cells.
    pub(crate) beside: [Symbol; BESIDE],
}

impl Admitted {
    fn name(&self, field: usize) -> Symbol {
        if field < NAMED { self.labels.names[field] } else { self.beside[field - NAMED] }
    }

    fn name_mut(&mut self, field: usize) -> &mut Symbol {
        if field < NAMED { &mut self.labels.names[field] } else { &mut self.beside[field - NAMED] }
    }

    /// Returns the value of a field, if it has one.
    fn value(&self, field: u8) -> Option<u64> {
        if field == ASN {
            return Some(self.labels.asn).filter(|asn| !is_no_asn(*asn)).map(i64::cast_unsigned);
        }
        Some(self.name(field.into())).filter(|name| !name.is_no_value()).map(Symbol::number)
    }
}

const fn is_no_asn(asn: i64) -> bool {
    matches!(asn, 0 | OTHER_ASN)
}

/// Values kept of one session, by field. Those of a field are noted once a report differs in it: most
/// sessions have one value of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Vec<(u8, u64)>);

impl Kept {
    fn of(&self, field: u8) -> impl Iterator<Item = u64> {
        self.0.iter().filter(move |(of, _)| *of == field).map(|(_, value)| *value)
    }
}

/// Limit because of which a value was not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capped {
    /// That of its session.
    pub(crate) by_session: bool,
    /// That of its app in the block.
    pub(crate) by_block: bool,
}

/// Values of dimensions that a block keeps apart.
#[derive(Debug)]
pub(crate) struct Values {
    limits: Limits,
    /// By app and field.
    known: HashSet<(Symbol, u8, u64)>,
    counts: HashMap<(Symbol, u8), u32>,
    /// Values noted in [`Kept`], of all sessions.
    noted: usize,
}

impl Values {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, known: HashSet::new(), counts: HashMap::new(), noted: 0 }
    }

    /// Returns the memory of all values, estimated, bytes.
    pub(crate) fn bytes(&self) -> usize {
        KNOWN_BYTES * self.known.len() + NOTED_BYTES * self.noted
    }

    /// Returns the values that a report counts under; `before` are those of the session's report
    /// before it.
    pub(crate) fn admit(
        &mut self,
        report: &EnrichedReport,
        before: Option<&Admitted>,
        kept: &mut Kept,
        names: &mut Interner,
    ) -> (Admitted, Capped) {
        let mut session = OfSession { app: names.symbol(&report.app), before, kept };
        let (mut admitted, mut capped) = (Admitted::default(), Capped::default());
        admitted.labels.names[Dimension::App as usize] = session.app;
        for (field, text) in texts(report).into_iter().enumerate().skip(1) {
            *admitted.name_mut(field) = self.name(&mut session, field, text, &mut capped, names);
        }
        admitted.labels.asn = self.asn(&mut session, report.provider.asn, &mut capped);
        (admitted, capped)
    }

    /// Returns the name that the network type of a report's further path counts under; `admitted` are the
    /// values of the report.
    pub(crate) fn admit_network_type(
        &mut self,
        network_type: &str,
        admitted: &Admitted,
        kept: &mut Kept,
        names: &mut Interner,
    ) -> (Symbol, Capped) {
        let app = admitted.labels.name(Dimension::App);
        let mut session = OfSession { app, before: Some(admitted), kept };
        let (field, mut capped) = (Dimension::NetworkType as usize, Capped::default());
        (self.name(&mut session, field, network_type, &mut capped, names), capped)
    }

    fn name(
        &mut self,
        session: &mut OfSession<'_>,
        field: usize,
        text: &str,
        capped: &mut Capped,
        names: &mut Interner,
    ) -> Symbol {
        let known = names.find(text);
        let before = session.before.map(|admitted| admitted.name(field));
        match known {
            Some(symbol) if before == Some(symbol) => symbol,
            Some(symbol) if symbol.is_no_value() => {
                self.recollect(session, field as u8);
                symbol
            }
            _ => match self.keeps(session, field as u8, known.map(Symbol::number)) {
                Keeps::Value => {
                    let symbol = names.symbol(text);
                    self.keep(session, field as u8, symbol.number());
                    symbol
                }
                not => capped.note(not, Symbol::OTHER),
            },
        }
    }

    fn asn(&mut self, session: &mut OfSession<'_>, asn: i64, capped: &mut Capped) -> i64 {
        let value = asn.cast_unsigned();
        if session.before.is_some_and(|admitted| admitted.labels.asn == asn) {
            return asn;
        }
        if is_no_asn(asn) {
            self.recollect(session, ASN);
            return asn;
        }
        match self.keeps(session, ASN, Some(value)) {
            Keeps::Value => {
                self.keep(session, ASN, value);
                asn
            }
            not => capped.note(not, OTHER_ASN),
        }
    }

    /// Notes the value of the report before, now that another report differs from it in `field`, be it
    /// by having no value.
    fn recollect(&mut self, session: &mut OfSession<'_>, field: u8) {
        let value = session.before.and_then(|admitted| admitted.value(field));
        if let Some(value) = value.filter(|_| session.kept.of(field).next().is_none()) {
            session.kept.0.push((field, value));
            self.noted += 1;
        }
    }

    fn keeps(&mut self, session: &mut OfSession<'_>, field: u8, value: Option<u64>) -> Keeps {
        self.recollect(session, field);
        if value.is_some_and(|value| session.kept.of(field).any(|kept| kept == value)) {
            return Keeps::Value;
        }
        if session.kept.of(field).count() >= self.limits.session_values as usize {
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
        if session.before.is_some() && !session.kept.of(field).any(|kept| kept == value) {
            session.kept.0.push((field, value));
            self.noted += 1;
        }
        if is_dimension(field) && self.known.insert((session.app, field, value)) {
            *self.counts.entry((session.app, field)).or_default() += 1;
        }
    }
}

impl Capped {
    pub(crate) fn merge(&mut self, more: Self) {
        self.by_session |= more.by_session;
        self.by_block |= more.by_block;
    }

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
    before: Option<&'a Admitted>,
    kept: &'a mut Kept,
}

const fn is_dimension(field: u8) -> bool {
    (field as usize) < NAMED || field == ASN
}

/// In the order of [`Dimension`], and behind them those of [`Admitted::beside`].
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
        &report.device.browser_version,
        &report.client_version,
        &report.place.city,
        &report.network,
        &report.provider.connection_type,
    ]
}

#[cfg(test)]
mod tests;
