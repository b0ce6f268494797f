//! From report to enriched report: one record in, one record out, in the order of the log, and no
//! state but memories of look-ups.

use std::net::IpAddr;
use std::sync::Arc;

use runtime::{Committed, Fatal, Handler, Output, OutputTopic, Pace, Record, Source, Start};
use schemas::{
    DecodeError, Device, EnrichedReport, EventKind, LookUps, Path, Place, PlaceSource, Provider,
    Report, UNKNOWN,
};

use crate::cache::Recent;
use crate::device::Devices;
use crate::metrics::{Metrics, Table};
use crate::place::known;
use crate::settings::{EnrichSettings, Tables};
use crate::{address, device, place};

/// Position of the enriched reports among the outputs.
const ENRICHED: OutputTopic = OutputTopic(0);
/// Position of the dead letters among the outputs.
const DEAD_LETTERS: OutputTopic = OutputTopic(1);

/// The handler.
pub(crate) struct Pipeline {
    tables: Tables,
    devices: Devices,
    look_ups: LookUps,
    unlocated: Arc<Origin>,
    unknown_device: Arc<Device>,
    origins: Recent<IpAddr, Arc<Origin>>,
    read_devices: Recent<String, Arc<Device>>,
    metrics: Metrics,
    input_topic: String,
}

/// What an address tells.
struct Origin {
    network: String,
    place: Place,
    provider: Provider,
    source: PlaceSource,
}

impl Pipeline {
    /// A pipeline that reads `input_topic` (its name goes into dead letters).
    pub(crate) fn new(
        tables: Tables,
        devices: Devices,
        settings: &EnrichSettings,
        metrics: Metrics,
        input_topic: String,
    ) -> Self {
        let look_ups = LookUps {
            city: tables.geo.city_label(),
            asn: tables.geo.asn_label(),
            user_agent: devices.label(),
            packs: tables.scores.packs().iter().map(|pack| pack.label().to_owned()).collect(),
            score: tables.scores.label(),
        };
        let unlocated = Arc::new(Origin {
            source: PlaceSource::Unknown,
            network: String::new(),
            place: place::nowhere(),
            provider: place::nobody(),
        });
        Self {
            tables,
            devices,
            look_ups,
            unlocated,
            unknown_device: Arc::new(device::unknown()),
            origins: Recent::new(settings.address_cache),
            read_devices: Recent::new(settings.user_agent_cache),
            metrics,
            input_topic,
        }
    }

    fn enrich(&mut self, report: Report) -> EnrichedReport {
        if report.event == EventKind::Cover {
            let (lineage, event) = (report.lineage, report.event);
            return EnrichedReport { lineage, event, ..EnrichedReport::default() };
        }
        let origin = self.origin(report.client_address.as_deref());
        let device = self.device(report.user_agent.as_deref());
        let path = report.path.as_ref();
        let scores = &self.tables.scores;
        let scored = report.intervals.into_iter().map(|interval| scores.score(interval, path));
        EnrichedReport {
            intervals: scored.collect(),
            network_type: known(path.and_then(|path| path.network_type.as_deref())).to_lowercase(),
            transport: transport(path),
            lineage: report.lineage,
            event: report.event,
            app: report.app,
            call: report.call,
            participant: report.participant,
            peer_connection: report.peer_connection,
            event_us: report.event_us,
            network: origin.network.clone(),
            place: origin.place.clone(),
            place_source: origin.source,
            provider: origin.provider.clone(),
            device: Device::clone(&device),
            edge: known(report.edge.as_deref()),
            client_version: known(report.client_version.as_deref()),
            path: report.path,
            time_to_connect_ms: report.time_to_connect_ms,
            time_to_media_ms: report.time_to_media_ms,
            failure_reason: report.failure_reason,
            failed_device: report.failed_device,
            rating: report.rating,
            look_ups: self.look_ups.clone(),
        }
    }

    fn origin(&mut self, address: Option<&str>) -> Arc<Origin> {
        let Some(address) = address.and_then(address::parse) else {
            return Arc::clone(&self.unlocated);
        };
        let (geo, metrics) = (&self.tables.geo, &self.metrics);
        self.origins.get_or(&address, || {
            let place = metrics.look_up(Table::City, geo.place(address));
            let provider = metrics.look_up(Table::Asn, geo.provider(address));
            Arc::new(Origin {
                network: address::network(address),
                source: match (&place, &provider) {
                    (None, None) => PlaceSource::Unknown,
                    _ => PlaceSource::Address,
                },
                place: place.unwrap_or_else(place::nowhere),
                provider: provider.unwrap_or_else(place::nobody),
            })
        })
    }

    fn device(&mut self, user_agent: Option<&str>) -> Arc<Device> {
        let Some(user_agent) = user_agent else {
            return Arc::clone(&self.unknown_device);
        };
        let devices = &self.devices;
        self.read_devices.get_or(user_agent, || Arc::new(devices.read(user_agent)))
    }

    fn give_up(
        &self,
        record: &Record<'_>,
        reason: &'static str,
        detail: &str,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        self.metrics.dead_letter(reason);
        let letter = runtime::dead_letter("enrich", &self.input_topic, record, reason, detail)?;
        out.send(record.source, DEAD_LETTERS, record.key, &letter);
        Ok(())
    }
}

impl Handler for Pipeline {
    fn start(&self, _: Source, _: Option<&Committed>) -> Result<Start, Fatal> {
        Ok(Start::Committed)
    }

    fn assigned(&mut self, _: Source, _: Option<&Committed>) -> Result<(), Fatal> {
        Ok(())
    }

    fn revoked(&mut self, _: Source) {}

    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal> {
        match schemas::decode(record.payload) {
            Ok(report) => {
                let enriched = self.enrich(report);
                self.metrics.enriched(enriched.event);
                let bytes = schemas::encode(&enriched).map_err(|error| Fatal(error.to_string()))?;
                out.send(record.source, ENRICHED, record.key, &bytes);
            }
            Err(error) => self.give_up(record, "undecodable", &without_payload(&error), out)?,
        }
        out.checkpoint(record.source, record.offset.next(), "");
        Ok(())
    }

    fn tick(&mut self, _: u64, _: Pace, _: &mut dyn Output) -> Result<(), Fatal> {
        Ok(())
    }

    fn drain(&mut self, _: &mut dyn Output) -> Result<(), Fatal> {
        Ok(())
    }
}

/// The error's text, but Avro's own, which quotes what it read.
fn without_payload(error: &DecodeError) -> String {
    match error {
        DecodeError::Datum { subject, .. } => format!("{subject}: not as its schema says"),
        DecodeError::Framing | DecodeError::Schema { .. } | DecodeError::Trailing { .. } => {
            error.to_string()
        }
    }
}

/// How media leave the client: to a relay by the protocol of that hop, or straight.
fn transport(path: Option<&Path>) -> String {
    let Some(path) = path else {
        return UNKNOWN.to_owned();
    };
    let transport = match path.local_candidate_type.as_deref() {
        Some("relay") => format!("relay-{}", path.relay_protocol.as_deref().unwrap_or("udp")),
        _ => known(path.protocol.as_deref()),
    };
    transport.to_lowercase()
}

#[cfg(test)]
mod tests;
