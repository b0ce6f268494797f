//! Filter, time range and measure of a request, and the tables that contain them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Access, Role};
use crate::dimension::Dimension;
use crate::measure::Measure;
use crate::problem::Problem;
use crate::query::Query;

/// Seconds of a minute.
pub const MINUTE: i64 = 60;
/// Seconds of an hour.
pub const HOUR: i64 = 3600;
/// Seconds of a day.
pub const DAY: i64 = 24 * HOUR;

/// Time for which sessions are kept one by one.
const SESSIONS_KEPT: i64 = 30 * DAY;
/// Longest time range.
const LONGEST: i64 = 400 * DAY;
/// Length from which on a range has whole days.
const WHOLE_DAYS: i64 = 7 * DAY;

/// The named range of minutes, of the role that may see participants: the running minute and those before it.
pub const MINUTES: (&str, i64) = ("15m", 15 * MINUTE);

/// Named ranges with their lengths. Those up to 7 days end with the running hour, longer ones with the
/// running day (UTC).
pub const RANGES: [(&str, i64); 6] = [
    ("1h", HOUR),
    ("24h", DAY),
    ("7d", 7 * DAY),
    ("30d", 30 * DAY),
    ("90d", 90 * DAY),
    ("365d", 365 * DAY),
];

/// Values that cells must have, one for each dimension at most.
pub type Filter = BTreeMap<Dimension, String>;

/// A time range, seconds since 1970; `to` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// First second.
    pub from: i64,
    /// Second after the last.
    pub to: i64,
}

/// Tables with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `session_hours`.
    Hours,
    /// `session_days`: a session counts once a day.
    Days,
    /// `samples`, intervals one by one: of a range under an hour.
    Samples,
    /// Cells by minute, which know no sessions: of a range under an hour without samples.
    Cells,
}

/// Steps of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, UTC.
    Day,
}

impl Step {
    /// Returns its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// Returns the column of the queries that numbers the steps.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Minute => "at_minute",
            Self::Hour => "at_hour",
            Self::Day => "at_day",
        }
    }
}

impl Range {
    /// Returns its length in seconds.
    #[must_use]
    pub const fn length(self) -> i64 {
        self.to - self.from
    }

    /// Returns the same hours of the week before.
    #[must_use]
    pub const fn week_before(self) -> Self {
        Self { from: self.from - 7 * DAY, to: self.to - 7 * DAY }
    }

    /// Returns the tables with its sessions.
    #[must_use]
    pub const fn source(self, now: i64) -> Source {
        // Days expire as a whole.
        let oldest = now - now.rem_euclid(DAY) - SESSIONS_KEPT;
        if self.from < oldest || self.length() > SESSIONS_KEPT {
            Source::Days
        } else if self.length() < HOUR {
            Source::Cells
        } else {
            Source::Hours
        }
    }

    fn is_of(self, unit: i64) -> bool {
        self.from.rem_euclid(unit) == 0 && self.to.rem_euclid(unit) == 0
    }

    fn named(name: &str, now: i64) -> Option<Self> {
        let all = RANGES.iter().chain([&MINUTES]);
        let (_, length) = all.into_iter().find(|(known, _)| *known == name)?;
        let unit = match *length {
            ..HOUR => MINUTE,
            HOUR..=WHOLE_DAYS => HOUR,
            _ => DAY,
        };
        let to = now - now.rem_euclid(unit) + unit;
        Some(Self { from: to - length, to })
    }
}

/// Returns a time in RFC 3339.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// A request's filter, time range and measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Dimension values.
    pub filter: Filter,
    /// Apps that may be seen; all if there is none.
    pub apps: Vec<String>,
    /// The time range.
    pub range: Range,
    /// The tables with its sessions.
    pub source: Source,
    /// The measure.
    pub measure: Measure,
}

impl Question {
    /// Reads it from a query, at the time `now` (seconds since 1970).
    ///
    /// # Errors
    /// If a value is unknown, or the role may not see it.
    pub fn read(query: &Query, access: &Access, now: i64) -> Result<Self, Problem> {
        let values = Dimension::ALL
            .into_iter()
            .filter_map(|dimension| Some((dimension, query.get(dimension.name())?.to_owned())));
        let filter: Filter = values.collect();
        known(&filter, Dimension::Kind, &["audio", "video"])?;
        known(&filter, Dimension::Direction, &["inbound", "outbound"])?;
        if let (Some(apps), Some(app)) = (&access.apps, filter.get(&Dimension::App))
            && !apps.contains(app)
        {
            return Err(Problem::forbidden(format!("the token does not allow the app `{app}`")));
        }
        let measure = match query.get("measure") {
            None => Measure::default(),
            Some(name) => Measure::named(name).ok_or_else(|| unknown("measure", name))?,
        };
        let range = range(query, access.role, now)?;
        let question = Self {
            filter,
            apps: access.apps.clone().unwrap_or_default(),
            range,
            source: range.source(now),
            measure,
        };
        question.kept(question.filter.keys().copied())?;
        Ok(question)
    }

    /// Checks that the tables have these dimensions.
    ///
    /// # Errors
    /// If one is not kept for so long.
    pub fn kept(&self, dimensions: impl IntoIterator<Item = Dimension>) -> Result<(), Problem> {
        if self.source != Source::Days {
            return Ok(());
        }
        let missing = dimensions.into_iter().find(|dimension| !dimension.is_in_days());
        missing.map_or(Ok(()), |dimension| {
            let name = dimension.name();
            let detail = format!("`{name}` is kept for 30 days; choose a shorter, newer range");
            Err(Problem::parameter(name, detail))
        })
    }

    /// Returns the step of its series.
    #[must_use]
    pub const fn step(&self) -> Step {
        match self.source {
            Source::Samples | Source::Cells => Step::Minute,
            Source::Hours if self.range.length() <= WHOLE_DAYS => Step::Hour,
            _ => Step::Day,
        }
    }

    /// Returns whether its range is under an hour: its figures have no adjusted ones.
    #[must_use]
    pub const fn is_of_minutes(&self) -> bool {
        matches!(self.source, Source::Samples | Source::Cells)
    }

    /// Returns the tables with what its measure needs: set-ups are no intervals, so `samples` has none.
    #[must_use]
    pub const fn table(&self) -> Source {
        match self.source {
            Source::Samples if self.measure.is_of_setups() => Source::Cells,
            source => source,
        }
    }

    /// Returns the conditions of the filter that apply to the measure.
    #[must_use]
    pub fn conditions(&self) -> Filter {
        let mut filter = self.filter.clone();
        filter.retain(|dimension, _| !self.value(*dimension).is_empty());
        filter
    }

    /// Returns the same question for another measure.
    #[must_use]
    pub fn of(&self, measure: Measure) -> Self {
        Self { measure, ..self.clone() }
    }

    /// Returns the same question for another time range.
    #[must_use]
    pub fn at(&self, range: Range, now: i64) -> Self {
        Self { range, source: range.source(now), ..self.clone() }
    }

    /// Returns the same question with another filter.
    #[must_use]
    pub fn with(&self, filter: Filter) -> Self {
        Self { filter, ..self.clone() }
    }

    /// Returns the value that cells must have; empty if any will do. Set-ups have neither kind nor
    /// direction, and the score is one of audio.
    #[must_use]
    pub fn value(&self, dimension: Dimension) -> &str {
        let is_of_streams = matches!(dimension, Dimension::Kind | Dimension::Direction);
        if is_of_streams && self.measure.is_of_setups() {
            return "";
        }
        match (dimension, self.measure) {
            (Dimension::Kind, Measure::Mos) => "audio",
            _ => self.filter.get(&dimension).map_or("", String::as_str),
        }
    }
}

fn known(filter: &Filter, dimension: Dimension, values: &[&str]) -> Result<(), Problem> {
    match filter.get(&dimension) {
        Some(value) if !values.contains(&value.as_str()) => Err(unknown(dimension.name(), value)),
        _ => Ok(()),
    }
}

fn unknown(name: &str, value: &str) -> Problem {
    Problem::parameter(name, format!("`{name}` has no value `{value}`; see /api/v1/openapi.json"))
}

fn range(query: &Query, role: Role, now: i64) -> Result<Range, Problem> {
    let given = (query.get("range"), query.get("from"), query.get("to"));
    let range = match given {
        (None, None, None) => Range::named("24h", now),
        (Some(name), None, None) if name == MINUTES.0 && role == Role::Viewer => {
            return Err(fixed_lengths());
        }
        (Some(name), None, None) => Range::named(name, now),
        (None, Some(from), Some(to)) => {
            let range = Range { from: time("from", from)?, to: time("to", to)? };
            return checked(range, role, now);
        }
        (Some(_), _, _) => {
            return Err(Problem::parameter("range", "give either `range` or `from` and `to`"));
        }
        _ => return Err(Problem::parameter("from", "give both `from` and `to`")),
    };
    range.ok_or_else(|| unknown("range", query.get("range").unwrap_or_default()))
}

fn checked(range: Range, role: Role, now: i64) -> Result<Range, Problem> {
    let wrong = |detail: &str| Err(Problem::parameter("from", detail));
    if range.length() <= 0 {
        return wrong("`from` must be before `to`");
    }
    if range.length() > LONGEST || range.from < now - 2 * LONGEST {
        return wrong("a range has at most 400 days");
    }
    if range.length() < HOUR && range.is_of(MINUTE) {
        return match (role, range.source(now)) {
            (Role::Viewer, _) => Err(fixed_lengths()),
            (_, Source::Days) => wrong("ranges under an hour reach back 30 days"),
            _ => Ok(range),
        };
    }
    if !range.is_of(HOUR) {
        return wrong(
            "`from` and `to` must be whole hours, or whole minutes (UTC) of less than an hour",
        );
    }
    let days = range.length() > WHOLE_DAYS || range.source(now) == Source::Days;
    if days && !range.is_of(DAY) {
        return wrong(
            "ranges of more than 7 days, or of more than 30 days ago, have whole days (UTC)",
        );
    }
    let usual = RANGES.iter().any(|(_, length)| *length == range.length());
    if role == Role::Viewer && !usual {
        return Err(fixed_lengths());
    }
    Ok(range)
}

fn fixed_lengths() -> Problem {
    Problem::forbidden(
        "this role sees ranges of 1 h, 24 h, 7, 30, 90 and 365 days; others need the role participants",
    )
}

fn time(name: &str, text: &str) -> Result<i64, Problem> {
    let time = text.parse::<Timestamp>().map(Timestamp::as_second);
    time.map_err(|_| {
        Problem::parameter(name, format!("`{name}` must be a time such as 2026-11-30T14:00:00Z"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// 2026-12-01T04:20:31Z.
    const NOW: i64 = 1_796_098_831;

    fn read(raw: &str, role: Role) -> Result<Question, Problem> {
        let access = Access { role, apps: None };
        Question::read(&Query::parse(raw, &[]).unwrap(), &access, NOW)
    }

    fn times(raw: &str) -> [String; 2] {
        let range = read(raw, Role::Viewer).unwrap().range;
        [rfc3339(range.from), rfc3339(range.to)]
    }

    #[test]
    fn named_ranges_have_whole_hours_with_the_running_one_and_days_beyond_seven() {
        assert_eq!(times("range=1h"), ["2026-12-01T04:00:00Z", "2026-12-01T05:00:00Z"]);
        assert_eq!(times(""), ["2026-11-30T05:00:00Z", "2026-12-01T05:00:00Z"]);
        assert_eq!(times("range=7d"), ["2026-11-24T05:00:00Z", "2026-12-01T05:00:00Z"]);
        assert_eq!(times("range=30d"), ["2026-11-02T00:00:00Z", "2026-12-02T00:00:00Z"]);
    }

    #[test]
    fn set_ups_have_no_condition_of_kind_or_direction() {
        let conditions = |measure: &str| {
            let raw = format!("country=BR&kind=audio&direction=inbound&measure={measure}");
            read(&raw, Role::Viewer).unwrap().conditions().into_keys().collect::<Vec<_>>()
        };
        assert_eq!(conditions("setup_failures"), [Dimension::Country]);
        let all = [Dimension::Country, Dimension::Kind, Dimension::Direction];
        assert_eq!(conditions("poor_share"), all);
    }

    #[test]
    fn tables_follow_from_length_and_age() {
        let source = |raw: &str| read(raw, Role::Participants).unwrap().source;
        assert_eq!(source("range=30d"), Source::Hours);
        assert_eq!(source("range=90d"), Source::Days);
        assert_eq!(source("from=2026-10-01T00:00:00Z&to=2026-10-02T00:00:00Z"), Source::Days);
        assert_eq!(source("from=2026-11-20T03:00:00Z&to=2026-11-20T05:00:00Z"), Source::Hours);
        let city = read("range=90d&city=Rio", Role::Viewer).unwrap_err();
        assert_eq!(city.parameter.as_deref(), Some("city"));
    }

    #[test]
    fn the_default_role_sees_ranges_of_fixed_lengths_alone() {
        let two = "from=2026-11-20T03:00:00Z&to=2026-11-20T05:00:00Z";
        assert_eq!(read(two, Role::Viewer).unwrap_err().status, 403);
        assert!(read(two, Role::Participants).is_ok());
        let day = "from=2026-11-20T03:00:00Z&to=2026-11-21T03:00:00Z";
        assert!(read(day, Role::Viewer).is_ok());
    }

    #[test]
    fn minutes_belong_to_the_role_that_may_see_participants() {
        let part = "from=2026-12-01T03:50:00Z&to=2026-12-01T04:15:00Z";
        assert_eq!(read(part, Role::Viewer).unwrap_err().status, 403);
        assert_eq!(read("range=15m", Role::Viewer).unwrap_err().status, 403);
        let question = read(part, Role::Participants).unwrap();
        assert_eq!((question.source, question.step()), (Source::Cells, Step::Minute));
        let last = read("range=15m", Role::Participants).unwrap().range;
        assert_eq!(
            [rfc3339(last.from), rfc3339(last.to)],
            ["2026-12-01T04:06:00Z", "2026-12-01T04:21:00Z"]
        );
        for wrong in [
            "from=2026-12-01T03:50:10Z&to=2026-12-01T04:15:00Z",
            "from=2026-12-01T03:50:00Z&to=2026-12-01T04:55:00Z",
            "from=2026-10-01T03:50:00Z&to=2026-10-01T04:15:00Z",
        ] {
            assert_eq!(read(wrong, Role::Participants).unwrap_err().status, 400, "{wrong}");
        }
    }

    #[test]
    fn wrong_times_and_values_are_refused_by_name() {
        for (raw, name) in [
            ("range=2h", "range"),
            ("range=1h&from=2026-11-20T03:00:00Z", "range"),
            ("from=2026-11-20T03:00:00Z", "from"),
            ("from=2026-11-20T03:30:00Z&to=2026-11-20T04:30:00Z", "from"),
            ("from=2026-11-20T05:00:00Z&to=2026-11-20T04:00:00Z", "from"),
            ("from=0001-01-01T00:00:00Z&to=2026-11-20T04:00:00Z", "from"),
            ("from=yesterday&to=2026-11-20T04:00:00Z", "from"),
            ("kind=screen", "kind"),
            ("measure=joy", "measure"),
        ] {
            let problem = read(raw, Role::Participants).unwrap_err();
            assert_eq!((problem.status, problem.parameter.as_deref()), (400, Some(name)), "{raw}");
        }
    }

    #[test]
    fn a_tenant_asks_for_its_apps_alone() {
        let access = Access { role: Role::Viewer, apps: Some(vec!["mine".to_owned()]) };
        let read = |raw| Question::read(&Query::parse(raw, &[]).unwrap(), &access, NOW);
        assert_eq!(read("app=theirs").unwrap_err().status, 403);
        assert_eq!(read("").unwrap().apps, ["mine"]);
    }
}
