//! Reports of `getStats()` as by each browser: cumulative counters, exact to the microsecond.

use schemas::{Direction, Kind};

use super::device::Dialect;
use super::json::Json;
use super::path::Path;
use super::stream::Stream;

/// Writes one peer connection's report as the member `report`.
pub(super) struct Stats<'a, 'b> {
    pub(super) json: &'a mut Json<'b>,
    pub(super) dialect: Dialect,
    /// The objects' timestamp, µs, client clock.
    pub(super) client_us: i64,
}

impl Stats<'_, '_> {
    pub(super) fn write(&mut self, streams: &[Stream], path: &Path) {
        self.json.open("report");
        for stream in streams {
            match stream.direction {
                Direction::Inbound => self.inbound(stream),
                Direction::Outbound | Direction::None => self.outbound(stream),
            }
            self.remote(stream);
            self.source(stream);
        }
        self.pair(path);
        self.candidates(path);
        self.codecs(streams);
        self.json.close();
    }

    fn open(&mut self, kind: &str, id: &str) {
        self.json.open(id);
        self.json.text("id", id);
        self.json.text("type", kind);
        self.json.millis("timestamp", self.client_us);
    }

    fn open_rtp(&mut self, kind: &str, id: &str, stream: &Stream) {
        self.open(kind, id);
        self.json.int("ssrc", i64::from(stream.ssrc));
        self.json.text("kind", media(stream));
        self.json.text("transportId", "T01");
        self.json.text("codecId", &codec_id(stream));
    }

    fn inbound(&mut self, stream: &Stream) {
        self.open_rtp("inbound-rtp", &rtp_id(stream), stream);
        let (dialect, total, json) = (self.dialect, &stream.total, &mut *self.json);
        json.text("mid", if stream.kind == Kind::Video { "1" } else { "0" });
        json.text("trackIdentifier", "4f2a8d60-6a27-4c5b-9b39-5d0c7f1e8b13");
        json.seconds("jitter", stream.jitter_us);
        json.int("packetsLost", total.lost);
        let again = stream.retransmitted(total);
        json.int("packetsReceived", total.packets + again);
        if dialect.retransmitted {
            json.int("retransmittedPacketsReceived", again);
        }
        json.int("bytesReceived", total.bytes);
        json.int("headerBytesReceived", total.packets * 28);
        json.int("packetsDiscarded", 0);
        json.seconds("jitterBufferDelay", total.buffered_us);
        json.int("jitterBufferEmittedCount", total.emitted);
        if stream.kind == Kind::Audio {
            json.int("totalSamplesReceived", total.samples);
            json.int("concealedSamples", total.concealed);
            if dialect.silence {
                json.int("silentConcealedSamples", total.silent);
            }
            json.int("concealmentEvents", total.concealed / 900);
            json.seconds("totalSamplesDuration", total.samples * 1000 / 48);
            if dialect.audio_nack {
                json.int("nackCount", total.nack);
            }
        } else {
            json.int("framesReceived", total.frames + total.dropped);
            json.int("framesDecoded", total.frames);
            json.int("keyFramesDecoded", total.key_frames);
            picture(json, stream, dialect);
            if dialect.dropped {
                json.int("framesDropped", total.dropped);
            }
            if dialect.freezes {
                json.int("freezeCount", total.freezes);
                json.seconds("totalFreezesDuration", total.frozen_us);
                json.int("pauseCount", total.pauses);
                json.seconds("totalPausesDuration", total.paused_us);
            }
            feedback(json, stream);
            json.int("qpSum", total.frames * 31);
            json.seconds("totalDecodeTime", total.frames * 4_100);
        }
        json.close();
    }

    fn outbound(&mut self, stream: &Stream) {
        self.open_rtp("outbound-rtp", &rtp_id(stream), stream);
        let (dialect, total, json) = (self.dialect, &stream.total, &mut *self.json);
        if dialect.source_id {
            json.text("mediaSourceId", &source_id(stream));
        }
        let again = stream.retransmitted(total);
        json.int("packetsSent", total.packets + again);
        json.int("bytesSent", total.bytes);
        json.int("headerBytesSent", total.packets * 28);
        json.int("retransmittedPacketsSent", again);
        json.int("retransmittedBytesSent", again * 1_050);
        if stream.kind == Kind::Video {
            json.int("framesEncoded", total.frames);
            json.int("framesSent", total.frames);
            json.int("keyFramesEncoded", total.key_frames);
            picture(json, stream, dialect);
            feedback(json, stream);
            json.int("qpSum", total.frames * 28);
            json.seconds("totalEncodeTime", total.frames * 5_300);
            json.int("targetBitrate", stream.bit_rate);
            json.text("qualityLimitationReason", "none");
        } else if dialect.audio_nack {
            json.int("nackCount", total.nack);
        }
        json.close();
    }

    /// Adds the RTCP reports of the remote end.
    fn remote(&mut self, stream: &Stream) {
        if !stream.has_remote() {
            return;
        }
        let (dialect, total) = (self.dialect, &stream.total);
        if stream.direction == Direction::Outbound {
            self.open_rtp("remote-inbound-rtp", &format!("R{}", rtp_id(stream)), stream);
            self.json.text("localId", &rtp_id(stream));
            self.json.seconds("jitter", stream.jitter_us);
            self.json.int("packetsLost", total.lost);
            if dialect.far_packets {
                self.json.int("packetsReceived", total.packets - total.lost);
            }
        } else if dialect.remote_outbound && stream.kind == Kind::Audio {
            self.open_rtp("remote-outbound-rtp", &format!("R{}", rtp_id(stream)), stream);
            self.json.text("localId", &rtp_id(stream));
            self.json.int("packetsSent", total.packets + total.lost);
        } else {
            return;
        }
        self.json.seconds("roundTripTime", stream.round_trip_now_us());
        if dialect.round_trip_totals {
            self.json.seconds("totalRoundTripTime", total.round_trip_us);
            self.json.int("roundTripTimeMeasurements", total.round_trips);
        }
        self.json.close();
    }

    /// Adds the media source of a sender.
    fn source(&mut self, stream: &Stream) {
        if stream.direction != Direction::Outbound {
            return;
        }
        self.open("media-source", &source_id(stream));
        let (dialect, total, json) = (self.dialect, &stream.total, &mut *self.json);
        json.text("kind", media(stream));
        json.text("trackIdentifier", "0b6f3c1e-9f0a-4f3e-8a55-6f0f4ad1b7c2");
        if stream.kind == Kind::Video {
            json.int("frames", total.source_frames);
        } else if dialect.audio_energy {
            json.seconds("totalAudioEnergy", total.energy_micro);
        }
        json.close();
    }

    fn pair(&mut self, path: &Path) {
        let id = path.pair_id();
        self.open("candidate-pair", &id);
        self.json.text("transportId", "T01");
        self.json.text("localCandidateId", &path.local_id());
        self.json.text("remoteCandidateId", "IrF4k2");
        self.json.text("state", "succeeded");
        self.json.flag("nominated", true);
        if !self.dialect.transport {
            self.json.flag("selected", true);
        }
        self.json.int("availableOutgoingBitrate", 2_500_000);
        if self.dialect.ice_totals {
            self.json.seconds("currentRoundTripTime", path.current_us);
            self.json.seconds("totalRoundTripTime", path.total.0);
            self.json.int("responsesReceived", path.total.1);
        }
        self.json.close();
        if self.dialect.transport {
            self.open("transport", "T01");
            self.json.text("selectedCandidatePairId", &id);
            self.json.int("selectedCandidatePairChanges", path.selected);
            self.json.text("dtlsState", "connected");
            self.json.text("iceState", if path.selected > 1 { "completed" } else { "connected" });
            self.json.text("tlsVersion", "FEFD");
            self.json.text("srtpCipher", "AES_CM_128_HMAC_SHA1_80");
            self.json.close();
        }
    }

    fn candidates(&mut self, path: &Path) {
        self.open("local-candidate", &path.local_id());
        self.json.text("candidateType", path.route.candidate);
        self.json.text("protocol", path.route.protocol);
        // The address of a relay is at another place than the client.
        let relayed = path.route.relay.is_some();
        self.json.text("address", if relayed { "81.2.69.142" } else { "192.168.1.23" });
        self.json.int("port", 51_234);
        if let Some(relay) = path.route.relay {
            self.json.text("relayProtocol", relay);
        }
        if self.dialect.network_type {
            self.json.text("networkType", path.network_type);
        }
        self.json.close();
        self.open("remote-candidate", "IrF4k2");
        self.json.text("candidateType", "host");
        self.json.text("protocol", path.route.protocol);
        self.json.close();
    }

    fn codecs(&mut self, streams: &[Stream]) {
        for (at, stream) in streams.iter().enumerate() {
            let id = codec_id(stream);
            if streams[..at].iter().any(|earlier| codec_id(earlier) == id) {
                continue;
            }
            self.open("codec", &id);
            self.json.text("transportId", "T01");
            self.json.text("mimeType", stream.codec);
            self.json.int("clockRate", if stream.kind == Kind::Video { 90_000 } else { 48_000 });
            self.json.close();
        }
    }
}

const fn media(stream: &Stream) -> &'static str {
    if matches!(stream.kind, Kind::Video) { "video" } else { "audio" }
}

fn rtp_id(stream: &Stream) -> String {
    let way = if stream.direction == Direction::Inbound { 'I' } else { 'O' };
    format!("{way}T01{}{}", if stream.kind == Kind::Video { 'V' } else { 'A' }, stream.ssrc)
}

fn source_id(stream: &Stream) -> String {
    format!("S{}{}", if stream.kind == Kind::Video { 'V' } else { 'A' }, stream.ssrc)
}

fn codec_id(stream: &Stream) -> String {
    let way = if stream.direction == Direction::Inbound { 'I' } else { 'O' };
    format!("C{way}T01_{}", stream.codec.replace('/', "_"))
}

fn picture(json: &mut Json<'_>, stream: &Stream, dialect: Dialect) {
    let (width, height) = stream.frame_size();
    json.int("frameWidth", width);
    json.int("frameHeight", height);
    if dialect.content_type && stream.is_screen() {
        json.text("contentType", "screenshare");
    }
}

fn feedback(json: &mut Json<'_>, stream: &Stream) {
    json.int("nackCount", stream.total.nack);
    json.int("pliCount", stream.total.pli);
    json.int("firCount", stream.total.fir);
}
