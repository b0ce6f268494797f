//! Queries of the demo to ClickHouse, the same views that a dashboard reads.

use clickhouse::{Client, Row};
use deploy::access::Access;
use deploy::failure::{Context, Failure};
use serde::Deserialize;

/// A place and a provider, over the last hour.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct Rank {
    /// ISO 3166-1 code.
    pub country: String,
    /// Owner of the network.
    pub organisation: String,
    /// Number of sessions.
    pub sessions: u64,
    /// Share of poor time in poor and good time; NaN if there was none. The same applies to the
    /// fields below.
    pub poor_share: f64,
    /// Lower 95 % limit of the share over sessions; NaN if there are too few sessions.
    pub poor_at_least: f64,
    /// Median round trip, ms.
    pub round_trip_p50_ms: f64,
    /// 95th percentile of round trips, ms.
    pub round_trip_p95_ms: f64,
    /// Share of packets that were lost.
    pub loss: f64,
    /// Median score of audio.
    pub audio_mos_p50: f64,
}

/// Number of rows and intervals that have arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct Arrived {
    /// Raw records that blocks account for, with any outcome.
    pub raw_records: i64,
    /// Intervals that cells count.
    pub intervals: i64,
}

impl Arrived {
    /// Returns the arrivals since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            raw_records: self.raw_records - earlier.raw_records,
            intervals: self.intervals - earlier.intervals,
        }
    }
}

/// A reader of the views.
#[derive(Clone)]
pub struct View(Client);

impl View {
    /// Creates a view of a ClickHouse, as the reader that dashboards use.
    #[must_use]
    pub fn of(clickhouse: &Access) -> Self {
        Self(clickhouse.client("dashboard"))
    }

    /// Returns at most `most` places and providers, those with the highest lower limit of the poor
    /// share first, and those with too few sessions last. Rows with neither place nor provider are
    /// left out.
    ///
    /// # Errors
    /// If ClickHouse does not answer.
    pub async fn league(&self, most: u32) -> Result<Vec<Rank>, Failure> {
        let query = "SELECT
                toString(country) AS country,
                toString(organisation) AS organisation,
                toUInt64(sessions) AS sessions,
                toFloat64(ifNull(poor_share, nan)) AS poor_share,
                toFloat64(ifNull(lower, nan)) AS poor_at_least,
                toFloat64(round_trip_p50_ms) AS round_trip_p50_ms,
                toFloat64(round_trip_p95_ms) AS round_trip_p95_ms,
                toFloat64(ifNull(loss, nan)) AS loss,
                toFloat64(audio_mos_p50) AS audio_mos_p50
            FROM league
            WHERE NOT (country = 'unknown' AND organisation = 'unknown')
            ORDER BY lower DESC NULLS LAST, sessions DESC, country, organisation
            LIMIT ?";
        self.0.query(query).bind(most).fetch_all().await.context("ClickHouse")
    }

    /// Returns the number of raw records that blocks answer for, which is cheaper than all arrivals.
    ///
    /// # Errors
    /// If ClickHouse does not answer.
    pub async fn raw_records(&self) -> Result<u64, Failure> {
        let query = "SELECT toUInt64(sum(accepted + duplicate + late + invalid)) FROM blocks FINAL";
        self.0.query(query).fetch_one().await.context("ClickHouse")
    }

    /// Returns the arrivals up to now.
    ///
    /// # Errors
    /// If ClickHouse does not answer.
    pub async fn arrived(&self) -> Result<Arrived, Failure> {
        self.arrived_since(0).await
    }

    /// As [`View::arrived`], but counts only intervals of windows that begin at `from_s` (seconds since 1970) or
    /// later.
    ///
    /// # Errors
    /// As [`View::arrived`].
    pub async fn arrived_since(&self, from_s: u32) -> Result<Arrived, Failure> {
        let query = "SELECT
                ifNull((SELECT sum(accepted + duplicate + late + invalid) FROM blocks FINAL), 0)
                    AS raw_records,
                ifNull((SELECT sum(intervals) FROM cell_rows WHERE grouping = 'place'
                    AND window_start >= toDateTime(?, 'UTC')), 0) AS intervals";
        self.0.query(query).bind(from_s).fetch_one().await.context("ClickHouse")
    }
}
