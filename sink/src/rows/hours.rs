//! Sessions by hour.

use schemas::{HourPartial, HourStream};

use super::{MeasureColumns, PackColumns, direction, kind, seconds, starts};
use crate::column::{LowCardinality, Plain, Seconds, Text};
use crate::table::{Table, Unfit, table};

/// Sums of one kind and direction, with the record that they came in.
#[derive(Clone, Copy, Debug)]
struct OfHour<'a> {
    of: &'a HourPartial,
    stream: &'a HourStream,
    hour: Seconds,
}

table! {
    /// Table with one row per session, hour, kind, direction and block.
    SessionHourPartials, "session_hour_partials", |row: OfHour<'_>| {
        hour: Plain<Seconds> = row.hour,
        app: LowCardinality = &row.of.app,
        call: Text = &row.of.call,
        participant: Text = &row.of.participant,
        continent: LowCardinality = &row.of.place.continent,
        country: LowCardinality = &row.of.place.country,
        subdivision: LowCardinality = &row.of.place.subdivision,
        city: LowCardinality = &row.of.place.city,
        asn: Plain<i64> = row.of.provider.asn,
        organisation: LowCardinality = &row.of.provider.organisation,
        connection_type: LowCardinality = &row.of.provider.connection_type,
        network_type: LowCardinality = &row.of.network_type,
        transport: LowCardinality = &row.of.transport,
        edge: LowCardinality = &row.of.edge,
        device_class: LowCardinality = &row.of.device.class,
        os: LowCardinality = &row.of.device.os,
        browser: LowCardinality = &row.of.device.browser,
        browser_version: LowCardinality = &row.of.device.browser_version,
        client_version: LowCardinality = &row.of.client_version,
        kind: LowCardinality = kind(row.stream.kind),
        direction: LowCardinality = direction(row.stream.direction),
        epoch: Plain<i32> = row.of.epoch,
        partition: Plain<i32> = row.of.partition,
        block_start: Plain<i64> = row.of.block_start,
        upto: Plain<i64> = row.of.upto,
        ;
        measures: MeasureColumns = &row.stream.measures,
        packs: PackColumns = &row.stream.packs,
    }
}

impl Table for SessionHourPartials {
    type Record = HourPartial;

    fn add(&mut self, of: &HourPartial) -> Result<(), Unfit> {
        let hour = seconds(of.hour)?;
        of.streams.iter().for_each(|stream| self.push(&OfHour { of, stream, hour }));
        Ok(())
    }

    fn hours(&self) -> Vec<u32> {
        starts(&self.hour, 3600)
    }
}
