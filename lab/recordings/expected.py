#!/usr/bin/env python3
"""Works out from call.jsonl alone what ClickHouse has to hold after it is replayed.

Written from the design's rules and sharing nothing with the services: a second opinion, to be
compared with their rows. Times are in us since the recording's first event.

    python3 expected.py > expected.json
"""
import json
import math
from collections import defaultdict
from pathlib import Path

# The replay's first event falls this long after the full minute, so that the call spans windows.
START_US = 30_000_000
WINDOW_US = 60_000_000

COUNTS = {  # field: (inbound member, outbound member)
    "packets_received": ("packetsReceived", None),
    "packets_sent": (None, "packetsSent"),
    "bytes": ("bytesReceived", "bytesSent"),
    "retransmitted_packets": ("retransmittedPacketsReceived", "retransmittedPacketsSent"),
    "packets_discarded": ("packetsDiscarded", None),
    "fec_packets": ("fecPacketsReceived", None),
    "fec_packets_discarded": ("fecPacketsDiscarded", None),
    "concealment_events": ("concealmentEvents", None),
    "resolution_changes": (None, "qualityLimitationResolutionChanges"),
    "nack": ("nackCount", "nackCount"),
    "pli": ("pliCount", "pliCount"),
    "fir": ("firCount", "firCount"),
    "frames": ("framesDecoded", "framesEncoded"),
    "frames_dropped": ("framesDropped", None),
    "key_frames": ("keyFramesDecoded", "keyFramesEncoded"),
    "qp_sum": ("qpSum", "qpSum"),
    "freeze_count": ("freezeCount", None),
    "pause_count": ("pauseCount", None),
    "total_samples": ("totalSamplesReceived", None),
    "jitter_buffer_emitted": ("jitterBufferEmittedCount", None),
}
SECONDS = {
    "freeze_us": ("totalFreezesDuration", None),
    "pause_us": ("totalPausesDuration", None),
    "jitter_buffer_us": ("jitterBufferDelay", None),
}
MEASURES = (
    "packets_received packets_lost bytes frames freeze_us freeze_count pause_us pause_count "
    "concealed_samples total_samples nack pli fir"
).split()


def whole(x, scale=1):
    """x · scale, rounded half away from zero."""
    scaled = abs(x * scale)
    return int(math.copysign(math.floor(scaled) + (scaled % 1 >= 0.5), x))


def snapshot(stats, report):
    """The cumulative counters of one RTP stream, and its gauges."""
    side = 0 if stats["type"] == "inbound-rtp" else 1
    far_type = ("remote-outbound-rtp", "remote-inbound-rtp")[side]
    source = report.get(stats.get("mediaSourceId"), {})
    far = next((s for s in report.values()
                if s["type"] == far_type and s["ssrc"] == stats["ssrc"]), {})
    total = {}

    def take(field, source, member, scale=1):
        if member is not None and source.get(member) is not None:
            total[field] = whole(source[member], scale)

    for field, members in COUNTS.items():
        take(field, stats, members[side])
    for field, members in SECONDS.items():
        take(field, stats, members[side], 1e6)
    take("source_frames", source, "frames")
    take("audio_energy_micro", source if side else stats, "totalAudioEnergy", 1e6)
    take("round_trip_us", far, "totalRoundTripTime", 1e6)
    take("round_trip_count", far, "roundTripTimeMeasurements")
    monotone = dict(total)
    receiver = far if side else stats
    take("packets_lost", receiver, "packetsLost")
    if not side:
        take("concealed", stats, "concealedSamples")
        take("silent", stats, "silentConcealedSamples")
    limits = stats.get("qualityLimitationDurations", {})
    take("limited_cpu_us", limits, "cpu", 1e6)
    take("limited_bandwidth_us", limits, "bandwidth", 1e6)
    take("limited_other_us", limits, "other", 1e6)

    gauges = {}
    for field, teller, member, scale in (
        ("jitter_us", receiver, "jitter", 1e6),
        ("frame_width", stats, "frameWidth", 1),
        ("frame_height", stats, "frameHeight", 1),
        ("audio_level_micro", source if side else stats, "audioLevel", 1e6),
        ("source_frame_rate_micro", source, "framesPerSecond", 1e6),
    ):
        if teller.get(member) is not None:
            gauges[field] = whole(teller[member], scale)
    if side:
        packets = total.get("packets_sent")
    else:
        packets = total["packets_received"] + total["packets_lost"]
    gauges["stream_packets"] = packets
    heard = far.get("timestamp") if side else None
    return {"us": whole(stats["timestamp"], 1e3), "heard": heard, "total": total, "monotone": monotone,
            "gauges": gauges}


def difference(before, now, direction):
    """What happened between two snapshots; None if the stream began anew."""
    if any(now["monotone"][f] < v for f, v in before["monotone"].items() if f in now["monotone"]):
        return None
    delta = {f: v - before["total"][f] for f, v in now["total"].items() if f in before["total"]}
    concealed, silent = delta.pop("concealed", None), delta.pop("silent", None)
    if concealed is not None and silent is not None:
        delta["concealed_samples"] = concealed - silent
    if direction == "outbound" and {"packets_sent", "packets_lost"} <= delta.keys():
        again = delta.get("retransmitted_packets", 0)
        delta["packets_received"] = delta["packets_sent"] - again - delta["packets_lost"]
    gauges = dict(now["gauges"])
    if now["heard"] is not None and now["heard"] == before["heard"]:
        # No receiver report in between: of the far end nothing is known.
        delta.pop("packets_lost", None)
        gauges.pop("jitter_us", None)
    return delta | gauges


def selected_pair(report):
    transport = next(s for s in report.values() if s["type"] == "transport")
    pair = report[transport["selectedCandidatePairId"]]
    return {"id": pair["id"], "us": whole(pair["timestamp"], 1e3),
            "round_trip_us": whole(pair["totalRoundTripTime"], 1e6),
            "count": whole(pair["responsesReceived"])}


def expected(i):
    """Packets that came or should have; None where it is not known which were lost."""
    lost = i.get("packets_lost")
    if i["direction"] == "outbound":
        # Without a receiver report: the next one tells the loss of these packets, too.
        lost, again = lost or 0, 0
    else:
        again = i.get("retransmitted_packets", 0)
    if i.get("packets_received") is None or lost is None:
        return None
    return i["packets_received"] - again + lost


def loss(i):
    if i.get("packets_lost") is None:
        return None
    packets = expected(i)
    return max(0, i["packets_lost"]) / packets if packets is not None and packets > 0 else None


def round_trip_ms(i):
    if not i.get("round_trip_count"):
        return None
    return i["round_trip_us"] / i["round_trip_count"] / 1000.0


def latency_ms(i, ice):
    trip = round_trip_ms(i)
    if trip is None and ice and ice["count"] > 0:
        trip = ice["round_trip_us"] / ice["count"] / 1000.0
    return trip


def is_idle(i):
    """Nothing was sent: then jitter is what it was before, and there is no frame rate."""
    sent = i["direction"] == "outbound"
    lost = 0 if sent else i.get("packets_lost", 0)
    packets = i.get("packets_sent" if sent else "packets_received")
    return 0 in (i.get("bytes"), packets) and lost <= 0


def jitter_ms(i):
    return i["jitter_us"] / 1000.0 if "jitter_us" in i and not is_idle(i) else None


def is_withheld(i):
    """The source gave nothing: fewer than five packets a second of audio, or no sound in them, and of
    video at most three frames in two seconds (in less, one and one for each second), each of a fiftieth
    of a bit a pixel or less."""
    seconds = (i["end_us"] - i["start_us"]) / 1e6
    received = i["direction"] == "inbound"
    packets = i["packets_received" if received else "packets_sent"]
    packets += max(0, i.get("packets_lost", 0)) if received else 0
    if is_idle(i):
        return True
    if i["kind"] == "audio":
        return packets / seconds < 5 or not received and i.get("audio_energy_micro") == 0
    if received and packets / seconds >= 5:
        return False
    frames, size = i.get("frames") or 0, i.get("frame_width", 640) * i.get("frame_height", 360)
    sent = frames + max(0, i.get("frames_dropped", 0))
    return 0 < frames <= max(1.5 * seconds, seconds + 1) and i["bytes"] * 8 <= 0.02 * size * sent


# Ro and Is of G.107 with the default values of Table 3.
RO, IS = 94.76882157936254, 1.41356808134386


def echo(delay):
    """Idte and Idle of G.107, 7-21 to 7-26, with a TELR of 65 dB and a WEPL of 110 dB."""
    terv = 65 - 40 * math.log10((1 + delay / 10) / (1 + delay / 150)) + 6 * math.exp(-0.3 * delay**2)
    x = (RO - (80 + 2.5 * (terv - 14))) / 2
    talker = (x + math.sqrt(x * x + 100) - 1) * (1 - math.exp(-delay))
    y = (RO - 10.5 * (110 + 7) * (2 * delay + 1) ** -0.25) / 2
    return max(0, talker) + y + math.sqrt(y * y + 169)


def rating(i, ice):
    """R of the E-model, ITU-T G.107, with Opus's parameters: the recording has no other codec."""
    if i["kind"] != "audio" or is_withheld(i):
        return None
    assert i["codec"] == "audio/opus"
    trip, ratio = latency_ms(i, ice), loss(i)
    if trip is None or ratio is None:
        return None
    if i.get("jitter_buffer_emitted"):
        buffer_ms = i["jitter_buffer_us"] / i["jitter_buffer_emitted"] / 1000.0
    else:
        buffer_ms = 2 * (jitter_ms(i) or 0)
    delay = trip / 2 + buffer_ms + 20
    impairment = 0.0
    if delay > 100:
        x = math.log2(delay / 100)
        impairment = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    robustness = 20 if i.get("fec_packets", 0) > 0 else 10
    return RO - IS - echo(delay) - impairment - 95 * 100 * ratio / (100 * ratio + robustness)


def mos(r):
    r = min(100, max(0, r))
    return min(4.5, max(1.0, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r)))


def video_mos_milli(i, ice):
    """rtcscore's: bits per pixel, frame rate of 30, delay; and freezes."""
    trip, factor = latency_ms(i, ice), {"video/VP8": 1, "video/VP9": 1.2, "video/AV1": 1.43}
    us = i["end_us"] - i["start_us"]
    needed = [i.get(f) for f in ("bytes", "frame_width", "frame_height")]
    if i["kind"] != "video" or trip is None or i.get("frames") is None or not all(needed):
        return None
    if is_withheld(i):
        return None
    assert i["codec"] in factor and not i.get("screen_share")
    rate = min(30, i["frames"] * 1e6 / us)
    if rate <= 0:
        return 1000
    size, width, height = needed
    bits = factor[i["codec"]] * size * 8e6 / us / (width * height) / rate
    buffer_ms = 0
    if i.get("jitter_buffer_emitted"):
        buffer_ms = i["jitter_buffer_us"] / i["jitter_buffer_emitted"] / 1000.0
    score = min(5, max(1, 0.56 * math.log(bits) + 5.36))
    score -= 1.9 * math.log(30 / rate) + 0.002 * (buffer_ms + trip / 2)
    frozen = min(1, i.get("freeze_us", 0) / us)
    return whole(1 + (min(5, max(1, score)) - 1) * (1 - frozen), 1000)


def any_of(tests):
    """The name of the first test that holds, '' if none does, None if nothing is known."""
    known = [(name, holds(v)) for name, v, holds in tests if v is not None]
    return next((name for name, holds in known if holds), "") if known else None


def comparable(i, ice):
    if (i["stream_packets"] or 0) <= 500:
        return "?few_packets"
    if i["kind"] == "video":
        return any_of([("loss", loss(i), lambda v: v > 0.15)])
    trip = round_trip_ms(i) if i["direction"] == "outbound" else None
    return any_of([("round_trip", trip, lambda v: v > 500),
                   ("loss", loss(i), lambda v: v > 0.1),
                   ("jitter", jitter_ms(i), lambda v: v > 30)])


def teams_cqd(i, ice):
    """The recording is of Chromium, which names the screens that it sends, and has none: all video that is
    sent is cameras'. What is received without contentType may be a screen's."""
    if (i["stream_packets"] or 0) <= 500:
        return "?few_packets"
    if i["kind"] == "video":
        dropped, frames, ratio = i.get("frames_dropped"), i.get("frames"), loss(i)
        if dropped is not None and frames is not None and dropped + frames > 0:
            return "frame_loss" if dropped / (dropped + frames) > 0.5 else ""
        if i["direction"] == "inbound":
            return "?unknown_content"
        assert i.get("source_frames", 0) * 1e6 > 7 * (i["end_us"] - i["start_us"]), "a slow camera"
        if frames is not None and not is_idle(i):
            return "frame_rate" if frames * 1e6 / (i["end_us"] - i["start_us"]) < 7 else ""
        return None if ratio is None else "loss" if ratio > 0.15 else ""
    return any_of([("round_trip", round_trip_ms(i), lambda v: v > 500),
                   ("loss", loss(i), lambda v: v > 0.1),
                   ("jitter", jitter_ms(i), lambda v: v > 30)])


def twilio(i, ice):
    if i["kind"] == "video":
        return "?"
    r = rating(i, ice)
    return any_of([("latency", latency_ms(i, ice), lambda v: v > 400),
                   ("audio_mos", None if r is None else mos(r), lambda v: v < 3.5),
                   ("jitter", jitter_ms(i), lambda v: v > 30),
                   ("loss", loss(i), lambda v: v > 0.05)])


def e_model_bands(i, ice):
    if i["kind"] == "video":
        return "?"
    r = rating(i, ice)
    if r is None:
        return None
    bands = ((70, ""), (60, "many_dissatisfied"), (50, "nearly_all_dissatisfied"))
    return next((name for start, name in bands if r >= start), "not_recommended")


def aim_rtc(i, ice):
    def points(value, limits, gained):
        return gained[sum(value >= limit for limit in limits)]

    latency, jitter, ratio = latency_ms(i, ice), jitter_ms(i), loss(i)
    if latency is None or jitter is None:
        return None
    total = points(latency, (10, 20, 50, 100, 500), (20, 10, 5, 0, -10, -20))
    total += points(jitter, (10, 20, 100, 500), (10, 5, 0, -10, -20))
    if ratio is not None:
        total += points(ratio, (0.01, 0.05, 0.25, 0.5), (10, 5, 0, -10, -20))
    return "" if total >= 15 else "poor" if total >= 5 else "bad"


PACKS = {"comparable@1": comparable, "teams-cqd@3": teams_cqd, "twilio@1": twilio,
         "e-model-bands@1": e_model_bands, "aim-rtc@1": aim_rtc}


def judge(i, ice):
    """Verdicts and reasons by pack; the first pack's also by themselves."""
    verdicts, reasons = {}, {}
    for pack, rules in PACKS.items():
        said = rules(i, ice)
        said = "?no_metric" if said is None else said
        said = "?no_source" if is_withheld(i) and said != "?" else said
        verdicts[pack] = "unclassified" if said[:1] == "?" else "poor" if said else "good"
        if said.strip("?"):
            reasons[pack] = said.strip("?")
    primary = next(iter(PACKS))
    i |= {"verdict": verdicts[primary], "reason": reasons.get(primary, ""),
          "verdict_by_pack": verdicts, "reason_by_pack": reasons}


def intervals(events, first_us):
    streams, pairs = {}, {}
    for event in events:
        if event["event"] != "stats":
            continue
        who, report = event["participant"], event["report"]
        pair, before = selected_pair(report), pairs.get(who)
        pairs[who] = pair
        ice = None
        if before and before["id"] == pair["id"]:
            ice = {f: pair[f] - before[f] for f in ("round_trip_us", "count")}
        for stats in report.values():
            if stats["type"] not in ("inbound-rtp", "outbound-rtp"):
                continue
            key = (who, stats["id"], stats["ssrc"])
            now, before = snapshot(stats, report), streams.get(key)
            streams[key] = now
            direction = stats["type"].removesuffix("-rtp")
            delta = before and difference(before, now, direction)
            if not delta:
                continue
            codec = report.get(stats.get("codecId"), {}).get("mimeType")
            i = {"participant": who, "kind": stats["kind"], "direction": direction,
                 "ssrc": stats["ssrc"], "stats_id": stats["id"], "codec": codec,
                 "start_us": before["us"] - first_us, "end_us": now["us"] - first_us, **delta,
                 "client_version": event["client_version"]}
            r = rating(i, ice)
            i["audio_mos_milli"] = None if r is None else whole(mos(r), 1000)
            i["video_mos_milli"] = video_mos_milli(i, ice)
            judge(i, ice)
            yield i


def fold(rows, events, first_us, names):
    """Cells: sums by window and the dimensions in `names`."""
    cells = defaultdict(lambda: defaultdict(int))

    def cell(us, row):
        window = (START_US + us) // WINDOW_US * (WINDOW_US // 1_000_000)
        return cells[(window, *(row[name] for name in names))]

    for i in rows:
        sums = cell(i["end_us"], i)
        sums["intervals"] += 1
        sums["observed_us"] += i["end_us"] - i["start_us"]
        for measure in MEASURES:
            sums[measure] += i.get(measure, 0)
        sums["packets_expected"] += expected(i) or 0
        side = "received" if i["direction"] == "inbound" else "sent"
        sums[f"retransmitted_packets_{side}"] += i.get("retransmitted_packets", 0)
        for outcome in ("poor", "good", "unclassified"):
            lasted = i["end_us"] - i["start_us"] if i["verdict"] == outcome else 0
            sums[f"{outcome}_us"] += lasted
    for event in events:
        if event["event"] == "connected":
            setups = {**event, "kind": "none", "direction": "none"}
            cell(whole(event["timestamp"], 1e3) - first_us, setups)["setups_attempted"] += 1
    return [dict(zip(("window_s", *names), key)) | sums for key, sums in sorted(cells.items())]


def sessions(rows, events, first_us):
    for who in sorted({event["participant"] for event in events}):
        own = [event for event in events if event["participant"] == who]
        mine = [i for i in rows if i["participant"] == who]
        count = lambda kind: sum(event["event"] == kind for event in own)
        yield {
            "participant": who,
            "joined": count("joined"), "connected": count("connected"), "left": count("left"),
            "rating_sum": sum(event.get("rating", 0) for event in own),
            "time_to_media_ms_sum": sum(event.get("time_to_media_ms", 0) for event in own),
            "intervals": len(mine),
            "packets_lost": sum(i.get("packets_lost", 0) for i in mine),
            "round_trip_us": sum(i.get("round_trip_us", 0) for i in mine),
            "round_trip_count": sum(i.get("round_trip_count", 0) for i in mine),
            "audio_mos_milli_sum": sum(i["audio_mos_milli"] or 0 for i in mine),
            "audio_mos_count": sum(i["audio_mos_milli"] is not None for i in mine),
            "video_mos_milli_sum": sum(i["video_mos_milli"] or 0 for i in mine),
            "video_mos_count": sum(i["video_mos_milli"] is not None for i in mine),
        }


def main():
    lines = (Path(__file__).parent / "call.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    first_us = min(whole(event["sent_at"], 1e3) for event in events)
    rows = list(intervals(events, first_us))
    by_version = ("client_version", "kind", "direction")
    print(json.dumps({
        "start_us": START_US,
        "events": len(events),
        "intervals": rows,
        "place": fold(rows, events, first_us, by_version[1:]),
        "client": fold(rows, events, first_us, by_version),
        "sessions": list(sessions(rows, events, first_us)),
    }, indent=1))


main()
