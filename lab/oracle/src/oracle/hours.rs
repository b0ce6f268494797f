//! Sessions by hour, and strata of days.

use std::collections::HashMap;

use schemas::{Direction, Kind, Measures};
use serde::{Deserialize, Serialize};
use world::truth::{Event, Session};

use super::{Located, Packs, Sample, SessionKey, add, add_packs, named};

const HOUR_US: i64 = 3_600_000_000;
const DAY_S: i64 = 86_400;

/// Key of a row of `session_hours`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the view")]
pub struct HourKey {
    pub app: String,
    pub call: String,
    pub participant: String,
    /// Start of the hour, s since the Unix epoch.
    #[serde(rename = "start_s")]
    pub hour: i64,
    pub continent: String,
    pub country: String,
    pub subdivision: String,
    pub city: String,
    pub asn: i64,
    pub organisation: String,
    pub connection_type: String,
    pub network_type: String,
    pub transport: String,
    pub edge: String,
    pub device_class: String,
    pub os: String,
    pub browser: String,
    pub browser_version: String,
    pub client_version: String,
    pub kind: Kind,
    pub direction: Direction,
}

/// Sums of a session in an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// Additive integers.
    pub measures: Measures,
    /// Time by verdict of each pack.
    pub packs: Packs,
}

/// Key of a row of `session_days`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the view")]
pub struct DayKey {
    /// Days since the Unix epoch.
    #[serde(rename = "day_number")]
    pub day: i64,
    pub app: String,
    pub continent: String,
    pub country: String,
    pub subdivision: String,
    pub asn: i64,
    pub organisation: String,
    pub network_type: String,
    pub device_class: String,
    pub browser: String,
    pub kind: Kind,
    pub direction: Direction,
}

/// Sums over the sessions of a stratum and day. w is the judged time of a session and y its poor time, µs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Sessions with anything in the stratum.
    pub sessions: u64,
    /// The number of these with a w above 0.
    pub judged: u64,
    /// Σw, Σy, Σw², Σwy, Σy².
    pub sums: [i128; 5],
    /// Additive integers.
    pub measures: Measures,
}

/// Adds a sample to its session's hour.
pub(super) fn add_sample(
    hours: &mut HashMap<HourKey, Hour>,
    session: &Session,
    event: &Event,
    located: &Located,
    sample: &Sample,
) {
    let key = HourKey {
        app: session.app.clone(),
        call: session.call.clone(),
        participant: session.participant.clone(),
        hour: sample.at_us.div_euclid(HOUR_US) * 3600,
        continent: located.place.continent.clone(),
        country: located.place.country.clone(),
        subdivision: located.place.subdivision.clone(),
        city: located.place.city.clone(),
        asn: located.provider.asn,
        organisation: located.provider.organisation.clone(),
        connection_type: located.provider.connection_type.clone(),
        network_type: named(event.network_type.as_deref()),
        transport: named(event.transport.as_deref()),
        edge: session.edge.clone(),
        device_class: session.device.class.clone(),
        os: session.device.os.clone(),
        browser: session.device.browser.clone(),
        browser_version: session.device.browser_version.clone(),
        client_version: session.client_version.clone(),
        kind: sample.kind,
        direction: sample.direction,
    };
    let hour = hours.entry(key).or_default();
    add(&mut hour.measures, &sample.measures);
    add_packs(&mut hour.packs, &sample.packs);
}

/// Strata of days: first the judged and poor time of each session in each, then their sums.
pub(super) fn days(hours: &HashMap<HourKey, Hour>) -> HashMap<DayKey, Day> {
    let mut times: HashMap<(DayKey, SessionKey), [i128; 2]> = HashMap::new();
    let mut days: HashMap<DayKey, Day> = HashMap::new();
    for (key, hour) in hours {
        let session = (key.app.clone(), key.call.clone(), key.participant.clone());
        let day = stratum(key);
        let time = times.entry((day.clone(), session)).or_default();
        time[0] += i128::from(hour.measures.poor_us) + i128::from(hour.measures.good_us);
        time[1] += i128::from(hour.measures.poor_us);
        add(&mut days.entry(day).or_default().measures, &hour.measures);
    }
    for ((day, _), [w, y]) in times {
        let day = days.entry(day).or_default();
        day.sessions += 1;
        day.judged += u64::from(w > 0);
        let more = [w, y, w * w, w * y, y * y];
        day.sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }
    days
}

fn stratum(key: &HourKey) -> DayKey {
    DayKey {
        day: key.hour.div_euclid(DAY_S),
        app: key.app.clone(),
        continent: key.continent.clone(),
        country: key.country.clone(),
        subdivision: key.subdivision.clone(),
        asn: key.asn,
        organisation: key.organisation.clone(),
        network_type: key.network_type.clone(),
        device_class: key.device_class.clone(),
        browser: key.browser.clone(),
        kind: key.kind,
        direction: key.direction,
    }
}
