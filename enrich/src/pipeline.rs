//! From report to enriched report: one record in, one record out, in the order of the log, and no
//! state but memories of look-ups.

use std::sync::Arc;

use quick_cache::unsync::Cache;
use runtime::{Committed, Fatal, Handler, Output, OutputTopic, Pace, Record, Source, Start};
use schemas::{
    Claim, Device, EnrichedReport, EventKind, LookUps, Path, Place, PlaceSource, Provider, Report,
    UNKNOWN,
};

use crate::address::Kind;
use crate::device::{self, Devices};
use crate::geo::Geo;
use crate::locate::{Locator, Origin};
use crate::metrics::Metrics;
use crate::place::known;
use crate::score::Scores;
use crate::settings::EnrichSettings;

/// Position of the enriched reports among the outputs.
const ENRICHED: OutputTopic = OutputTopic(0);
/// Position of the dead letters among the outputs.
const DEAD_LETTERS: OutputTopic = OutputTopic(1);

/// The handler.
pub(crate) struct Pipeline {
    locator: Locator,
    scores: Scores,
    devices: Devices,
    look_ups: LookUps,
    unknown_device: Arc<Device>,
    read_devices: Cache<String, Arc<Device>>,
    metrics: Metrics,
    input_topic: String,
}

impl Pipeline {
    /// A pipeline that reads `input_topic` (its name goes into dead letters).
    pub(crate) fn new(
        locator: Locator,
        scores: Scores,
        devices: Devices,
        settings: &EnrichSettings,
        metrics: Metrics,
        input_topic: String,
    ) -> Self {
        let look_ups = LookUps {
            city: locator.geo().city_label(),
            asn: locator.geo().asn_label(),
            user_agent: devices.label(),
            packs: scores.packs().iter().map(|pack| pack.label().to_owned()).collect(),
            score: scores.label(),
        };
        Self {
            locator,
            scores,
            devices,
            look_ups,
            unknown_device: Arc::new(device::unknown()),
            read_devices: Cache::new(settings.user_agent_cache),
            metrics,
            input_topic,
        }
    }

    /// Takes other files of look-up data into use: all reports from here on are looked up in them
    /// and name them.
    pub(crate) fn look_up_in(&mut self, geo: Geo) {
        (self.look_ups.city, self.look_ups.asn) = (geo.city_label(), geo.asn_label());
        let (city, asn) = (&self.look_ups.city, &self.look_ups.asn);
        tracing::info!(city, asn, "look-up data changed");
        self.locator.look_up_in(geo);
    }

    fn enrich(&mut self, report: Report) -> EnrichedReport {
        if report.event == EventKind::Cover {
            let (lineage, event) = (report.lineage, report.event);
            return EnrichedReport { lineage, event, ..EnrichedReport::default() };
        }
        let located = self.locator.locate(report.client_address.as_deref().unwrap_or_default());
        let origin = &located.origin;
        self.metrics.address(origin.kind);
        let (place, provider, place_source) = self.place(origin, report.claim.as_ref());
        let device = self.device(report.user_agent.as_deref());
        let path = report.path.as_ref();
        let scores = &self.scores;
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
            network: located.network(),
            place,
            provider,
            place_source,
            device: Device::clone(&device),
            edge: known(report.edge.as_deref()),
            client_version: known(report.client_version.as_deref()),
            path: report.path,
            time_to_connect_ms: report.time_to_connect_ms,
            time_to_media_ms: report.time_to_media_ms,
            failure_reason: report.failure_reason,
            failed_device: report.failed_device,
            rating: report.rating,
            more_events: report.more_events,
            look_ups: self.look_ups.clone(),
        }
    }

    /// What data know of a client's public address; of a client with no such address, what its
    /// envelope claims. A claim never stands beside a public address, nor corrects it.
    fn place(&self, origin: &Origin, claim: Option<&Claim>) -> (Place, Provider, PlaceSource) {
        let claim = claim.filter(|_| origin.kind != Kind::Public);
        match claim.and_then(|claim| self.locator.claimed(claim)) {
            Some((place, provider)) => (place, provider, PlaceSource::Claimed),
            None => (Place::clone(&origin.place), Provider::clone(&origin.provider), origin.source),
        }
    }

    fn device(&mut self, user_agent: Option<&str>) -> Arc<Device> {
        let Some(user_agent) = user_agent else {
            return Arc::clone(&self.unknown_device);
        };
        if let Some(device) = self.read_devices.get(user_agent) {
            return Arc::clone(device);
        }
        let device = Arc::new(self.devices.read(user_agent));
        self.read_devices.insert(user_agent.to_owned(), Arc::clone(&device));
        device
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
            Err(error) => self.give_up(record, "undecodable", &error.to_string(), out)?,
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
