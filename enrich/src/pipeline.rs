//! Conversion of reports to enriched reports: one record in, one record out, in the order of the
//! log, with no state but caches of look-ups.

use std::mem::swap;
use std::sync::Arc;

use quick_cache::unsync::Cache;
use schemas::{
    Claim, Device, EnrichedPath, EnrichedReport, EventKind, LookUps, Path, PlaceSource, Report,
    ScoredInterval, UNKNOWN,
};
use service::{Committed, Fatal, Handler, Output, Pace, Record, Source, Start, Topic};

use crate::address::Kind;
use crate::device::{self, Devices};
use crate::geo::Geo;
use crate::locate::{Locator, Origin};
use crate::metrics::Metrics;
use crate::place::set_known;
use crate::score::Scores;
use crate::screen;
use crate::settings::EnrichSettings;

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
    room: Buffers,
}

/// The last record and its enriched form. The next record reuses their memory, because a record has
/// dozens of texts.
#[derive(Default)]
struct Buffers {
    report: Report,
    enriched: EnrichedReport,
    bytes: Vec<u8>,
}

impl Pipeline {
    /// Returns a pipeline that reads `input_topic`, whose name is used in dead letters.
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
            room: Buffers::default(),
        }
    }

    /// Switches to other files of look-up data, for all reports from here on.
    pub(crate) fn look_up_in(&mut self, geo: Geo) {
        (self.look_ups.city, self.look_ups.asn) = (geo.city_label(), geo.asn_label());
        let (city, asn) = (&self.look_ups.city, &self.look_ups.asn);
        tracing::info!(city, asn, "look-up data changed");
        self.locator.look_up_in(geo);
    }

    /// Overwrites `enriched` with the enriched form of `report`. Unchanged fields are swapped
    /// between the two.
    fn enrich(&mut self, report: &mut Report, enriched: &mut EnrichedReport) {
        let located = self.locator.locate(report.client_address.as_deref().unwrap_or_default());
        self.metrics.address(located.origin.kind);
        self.place(&located.origin, report.claim.as_ref(), enriched);
        enriched.device.clone_from(&self.device(report.user_agent.as_deref()));
        let reports_screens = screen::reports_screens(report.user_agent.as_deref());
        // Names all fields: a field that is not set here would keep the value of an earlier report.
        let EnrichedReport {
            lineage,
            event,
            app,
            call,
            participant,
            peer_connection,
            event_us,
            network,
            place: _,
            place_source: _,
            provider: _,
            device: _,
            network_type,
            transport,
            edge,
            client_version,
            paths,
            time_to_connect_ms,
            time_to_media_ms,
            failure_reason,
            failed_device,
            rating,
            look_ups,
            intervals,
            more_events,
            corrections,
        } = enriched;
        swap(lineage, &mut report.lineage);
        *event = report.event;
        swap(app, &mut report.app);
        swap(call, &mut report.call);
        swap(participant, &mut report.participant);
        swap(peer_connection, &mut report.peer_connection);
        *event_us = report.event_us;
        located.set_network(network);
        paths.resize_with(report.paths.len(), EnrichedPath::default);
        for (enriched, path) in paths.iter_mut().zip(&mut report.paths) {
            swap(&mut enriched.path, path);
            set_known(enriched.path.network_type.as_deref(), &mut enriched.network_type);
            enriched.network_type.make_ascii_lowercase();
            set_transport(&enriched.path, &mut enriched.transport);
        }
        let first = paths.first();
        set_known(first.map(|first| first.network_type.as_str()), network_type);
        set_known(first.map(|first| first.transport.as_str()), transport);
        set_known(report.edge.as_deref(), edge);
        set_known(report.client_version.as_deref(), client_version);
        *time_to_connect_ms = report.time_to_connect_ms;
        *time_to_media_ms = report.time_to_media_ms;
        swap(failure_reason, &mut report.failure_reason);
        *failed_device = report.failed_device;
        *rating = report.rating;
        look_ups.clone_from(&self.look_ups);
        intervals.resize_with(report.intervals.len(), ScoredInterval::default);
        for (scored, interval) in intervals.iter_mut().zip(&mut report.intervals) {
            swap(&mut scored.interval, interval);
            screen::settle(&mut scored.interval, reports_screens);
            let path = scored.interval.path.and_then(|path| paths.get(usize::try_from(path).ok()?));
            self.scores.judge(scored, path.map(|path| &path.path));
        }
        swap(more_events, &mut report.more_events);
        swap(corrections, &mut report.corrections);
    }

    /// Returns place and provider by the look-up of a client's public address or, without one, by
    /// the claim of its envelope. A claim is never used with a public address.
    fn place(&self, origin: &Origin, claim: Option<&Claim>, enriched: &mut EnrichedReport) {
        let EnrichedReport { place, provider, place_source, .. } = enriched;
        let claim = claim.filter(|_| origin.kind != Kind::Public);
        match claim.and_then(|claim| self.locator.claimed(claim)) {
            Some(claimed) => {
                (*place, *provider) = claimed;
                *place_source = PlaceSource::Claimed;
            }
            None => {
                place.clone_from(&origin.place);
                provider.clone_from(&origin.provider);
                *place_source = origin.source;
            }
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

    /// Writes the enriched form of the report that was read.
    fn write(
        &mut self,
        room: &mut Buffers,
        record: &Record<'_>,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let Buffers { report, enriched, bytes } = room;
        self.metrics.enriched(report.event);
        let encoded = if report.event == EventKind::Cover {
            let (lineage, event) = (std::mem::take(&mut report.lineage), report.event);
            let cover = EnrichedReport { lineage, event, ..EnrichedReport::default() };
            schemas::encode_into(&cover, bytes)
        } else {
            self.enrich(report, enriched);
            schemas::encode_into(enriched, bytes)
        };
        encoded.map_err(Fatal::caused)?;
        out.send(record.source, Topic::Enriched, record.key, bytes);
        Ok(())
    }

    fn give_up(
        &self,
        record: &Record<'_>,
        reason: &'static str,
        detail: &str,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        self.metrics.dead_letter(reason);
        let letter = service::dead_letter("enrich", &self.input_topic, record, reason, detail)?;
        out.send(record.source, Topic::DeadLetters, record.key, &letter);
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
        let mut room = std::mem::take(&mut self.room);
        match schemas::decode_into(record.payload, &mut room.report) {
            Ok(()) => self.write(&mut room, record, out)?,
            Err(error) => self.give_up(record, "undecodable", &error.to_string(), out)?,
        }
        self.room = room;
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

/// Sets the transport by which media leave the client, directly or to a relay. The protocol of a
/// relay candidate is that on the far side of the relay, so the protocol to the relay is unknown
/// unless it is reported separately.
fn set_transport(path: &Path, into: &mut String) {
    if path.local_candidate_type.as_deref() == Some("relay") {
        "relay-".clone_into(into);
        into.push_str(path.relay_protocol.as_deref().unwrap_or(UNKNOWN));
    } else {
        set_known(path.protocol.as_deref(), into);
    }
    into.make_ascii_lowercase();
}

#[cfg(test)]
mod tests;
