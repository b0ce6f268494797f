//! The age of the newest complete minute, and which service lags.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::answers::{Freshness, Lag};
use crate::filter::rfc3339;
use crate::problem::Problem;

/// Longest wait for a service's metrics.
const PATIENCE: Duration = Duration::from_secs(1);
/// Largest answer that is read.
const LARGEST: u64 = 4 << 20;
/// The metric of records that a service has yet to read.
const LAG: &str = "isobar_consumer_lag_records";

/// What was seen last.
#[derive(Debug)]
pub(crate) struct Watch {
    seen: Mutex<Seen>,
    limit_s: u32,
}

#[derive(Debug)]
struct Seen {
    /// Begin of the newest complete minute, or why it is not known.
    minute: Result<Option<i64>, Problem>,
    lags: Vec<Lag>,
    /// When no service had anything left to read, the last time.
    caught_up: Option<i64>,
}

impl Watch {
    pub(crate) fn new(limit_s: u32) -> Self {
        let minute = Err(Problem::unavailable("the dashboard starts; try again in a second"));
        let seen = Seen { minute, lags: Vec::new(), caught_up: None };
        Self { seen: Mutex::new(seen), limit_s }
    }

    /// Sets the newest complete minute, or why it is not known.
    pub(crate) fn set_minute(&self, minute: Result<Option<i64>, Problem>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).minute = minute;
    }

    /// Sets the services' backlogs at the time `now`, seconds since 1970.
    pub(crate) fn set_lags(&self, lags: Vec<Lag>, now: i64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !lags.is_empty() && lags.iter().all(|lag| lag.answers && lag.records == 0) {
            seen.caught_up = Some(now);
        }
        seen.lags = lags;
    }

    /// Returns the freshness at the time `now`, seconds since 1970.
    ///
    /// # Errors
    /// If ClickHouse did not answer when it was last asked.
    pub(crate) fn freshness(&self, now: i64) -> Result<Freshness, Problem> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = seen.minute.clone()?;
        let age_s = minute.map(|minute| (now - minute - 60).max(0));
        Ok(Freshness {
            now: rfc3339(now),
            newest_minute: minute.map(rfc3339),
            age_s,
            lags: age_s.is_none_or(|age| age > i64::from(self.limit_s))
                && seen.lags(now, self.limit_s),
            limit_s: self.limit_s,
            what: seen.lags.clone(),
        })
    }
}

impl Seen {
    /// Returns whether an old minute is the pipeline's fault: a service does not answer, or has had something to
    /// read for longer than the limit. Events after a pause are read at once, and their minute is complete later.
    fn lags(&self, now: i64, limit_s: u32) -> bool {
        let silent = self.lags.iter().any(|lag| !lag.answers);
        silent || self.caught_up.is_none_or(|at| now - at > i64::from(limit_s))
    }
}

/// Asks services for their backlogs. `services` are addresses by name.
pub(crate) fn lags(services: &BTreeMap<String, String>) -> Vec<Lag> {
    let lag = |(service, address): (&String, &String)| {
        let records = metrics(address).ok().map(|text| backlog(&text));
        Lag { service: service.clone(), records: records.unwrap_or(0), answers: records.is_some() }
    };
    services.iter().map(lag).collect()
}

fn metrics(address: &str) -> std::io::Result<String> {
    let found = address.to_socket_addrs()?.next();
    let found = found.ok_or_else(|| std::io::Error::other("no address"))?;
    let mut stream = TcpStream::connect_timeout(&found, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LARGEST).read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(answer)
    } else {
        Err(std::io::Error::other("not 200"))
    }
}

/// Returns the sum of the metric's series.
fn backlog(text: &str) -> u64 {
    let of_metric = text.lines().filter(|line| line.starts_with(LAG));
    of_metric.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_minute_is_as_old_as_its_end() {
        let watch = Watch::new(180);
        assert_eq!(watch.freshness(1000).unwrap_err().status, 503);
        watch.set_minute(Ok(Some(600)));
        let fresh = watch.freshness(700).unwrap();
        assert_eq!((fresh.age_s, fresh.lags), (Some(40), false));
        assert!(watch.freshness(841).unwrap().lags);
        watch.set_minute(Ok(None));
        assert!(watch.freshness(841).unwrap().lags, "nothing within a day");
    }

    #[test]
    fn a_pipeline_without_anything_to_read_does_not_lag() {
        let lag = |records, answers| vec![Lag { service: "sink".to_owned(), records, answers }];
        let watch = Watch::new(180);
        watch.set_minute(Ok(Some(600)));
        watch.set_lags(lag(0, true), 2000);
        assert!(!watch.freshness(2000).unwrap().lags, "nothing is sent");
        // The first events after the pause: their minute is not complete yet.
        watch.set_lags(lag(40, true), 2100);
        assert!(!watch.freshness(2100).unwrap().lags);
        assert!(watch.freshness(2181).unwrap().lags, "they are not read");
        watch.set_lags(lag(0, true), 2200);
        assert!(!watch.freshness(2200).unwrap().lags);
        watch.set_lags(lag(0, false), 2201);
        assert!(watch.freshness(2201).unwrap().lags, "nobody answers");
        watch.set_minute(Ok(Some(2140)));
        assert!(!watch.freshness(2201).unwrap().lags, "the minute is new");
    }

    #[test]
    fn backlogs_of_all_partitions_are_added() {
        let text = "# HELP isobar_consumer_lag_records x\nisobar_consumer_lag_records{partition=\"0\"} 7\n\
                    isobar_consumer_lag_records{partition=\"1\"} 5\nother 3\n";
        assert_eq!(backlog(text), 12);
    }
}
