//! Metrics of a service, from `/metrics`.

use std::collections::BTreeMap;

use crate::http;

/// Samples of Prometheus' text format, by name and labels as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads the metrics of the service at `host:port`, if it answers.
    #[must_use]
    pub fn of(address: &str) -> Option<Self> {
        Some(Self::parse(&http::get(address, "/metrics").ok()?.body))
    }

    /// Parses the text format; lines that are no samples are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        };
        Self(lines.filter_map(sample).collect())
    }

    /// Returns the number of series of a metric.
    #[must_use]
    pub fn series(&self, name: &str) -> usize {
        let of_name = |series: &&String| {
            series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        self.0.keys().filter(of_name).count()
    }

    /// Returns the sum of all series of a metric; none if there is no series.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<f64> {
        let series = self.0.iter().filter(|(series, _)| {
            series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        });
        series.map(|(_, value)| *value).reduce(|sum, value| sum + value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_metric_are_added_and_no_others() {
        let metrics = Metrics::parse(
            "# HELP lag Records.\n# TYPE lag gauge\nlag{topic=\"a b\",partition=\"0\"} 7\n\
             lag{topic=\"a b\",partition=\"1\"} 5\nlag_seconds 3\nup 1\n",
        );
        assert_eq!(metrics.sum("lag"), Some(12.0));
        assert_eq!((metrics.series("lag"), metrics.series("la")), (2, 0));
        assert_eq!(metrics.sum("up"), Some(1.0));
        assert_eq!(metrics.sum("la"), None);
    }
}
