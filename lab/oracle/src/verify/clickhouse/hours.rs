//! Sessions by hour and strata of days.

use schemas::Measures;
use serde::Deserialize;

use super::{PackColumns, Reader};
use crate::oracle::{Day, DayKey, Hour, HourKey};
use crate::verify::error::VerifyError;

#[derive(Deserialize)]
struct HourRow {
    #[serde(flatten)]
    key: HourKey,
    #[serde(flatten)]
    measures: Measures,
    #[serde(flatten)]
    packs: PackColumns,
}

#[derive(Deserialize)]
struct DayRow {
    #[serde(flatten)]
    key: DayKey,
    sessions: u64,
    judged: u64,
    /// Integers of more than 64 bits, as text.
    sums: [String; 5],
    #[serde(flatten)]
    measures: Measures,
}

impl Reader {
    pub(in crate::verify) async fn session_hours(
        &self,
    ) -> Result<Vec<(HourKey, Hour)>, VerifyError> {
        let query = "SELECT * EXCEPT (hour), toUnixTimestamp(hour) AS start_s FROM session_hours";
        let rows: Vec<HourRow> = self.rows("session_hours", query).await?;
        let rows = rows
            .into_iter()
            .map(|HourRow { key, measures, packs }| (key, Hour { measures, packs: packs.packs() }));
        Ok(rows.collect())
    }

    pub(in crate::verify) async fn session_days(&self) -> Result<Vec<(DayKey, Day)>, VerifyError> {
        let query = "SELECT * EXCEPT (day, w, y, ww, wy, yy), toInt64(day) AS day_number, \
                     arrayMap(sum -> toString(sum), [toInt256(w), toInt256(y), ww, wy, yy]) AS sums \
                     FROM session_days";
        let rows: Vec<DayRow> = self.rows("session_days", query).await?;
        rows.into_iter().map(DayRow::day).collect()
    }
}

impl DayRow {
    fn day(self) -> Result<(DayKey, Day), VerifyError> {
        let mut sums = [0; 5];
        for (sum, text) in sums.iter_mut().zip(&self.sums) {
            *sum = text.parse().map_err(|source| VerifyError::Sum { sum: text.clone(), source })?;
        }
        let Self { key, sessions, judged, measures, .. } = self;
        Ok((key, Day { sessions, judged, sums, measures }))
    }
}
