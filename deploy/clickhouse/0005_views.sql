-- Hours that are read from the partials. An hour stays open for a moment after it was built, so that
-- a query that took its snapshot of cells_1m before the rebuild and reads this view after it loses
-- nothing. An hour whose partials may have expired is never opened again.
CREATE OR REPLACE VIEW open_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT hour, max(rollup_hours.opened) AS opened, max(rollup_hours.built) AS built, max(rollup_hours.built_at) AS built_at
FROM rollup_hours
GROUP BY hour
HAVING (opened > built AND (built = 0 OR hour > now() - INTERVAL 13 DAY))
    OR built_at > now() - INTERVAL 5 SECOND;

-- One row per cell: from the roll-up if it is complete, otherwise from the partials. The list of open
-- hours is a scalar, so that both halves of a query use the same list.
CREATE OR REPLACE VIEW cells
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(hour) FROM open_hours) AS open
SELECT
    window_start, window_s, grouping,
    {{dimensions:names}},
    {{measures:names}},
    {{packs:names}},
    {{sketches:state}}
FROM cells_1m FINAL
WHERE NOT has(open, toStartOfHour(window_start))
UNION ALL
SELECT
    window_start, window_s, grouping,
    {{dimensions:names}},
    {{measures:names}},
    {{packs:names}},
    {{sketches:names}}
FROM folded_partials
WHERE has(open, toStartOfHour(window_start))
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The rows that add up to `cells`: several rows per cell in open hours. Cheaper for queries that group
-- in any case.
CREATE OR REPLACE VIEW cell_rows
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(hour) FROM open_hours) AS open
SELECT
    window_start, window_s, grouping,
    {{dimensions:names}},
    {{measures:names}},
    {{packs:names}},
    {{sketches:state}}
FROM cells_1m FINAL
WHERE NOT has(open, toStartOfHour(window_start))
UNION ALL
SELECT
    window_start, window_s, grouping,
    {{dimensions:names}},
    {{measures:names}},
    {{packs:names}},
    {{sketches:state}}
FROM cell_partials FINAL
WHERE has(open, toStartOfHour(window_start))
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Merges sums of streams, `parts` of any number of blocks, into one tuple per stream.
CREATE OR REPLACE FUNCTION isobar_merged_streams AS (parts) ->
    arrayMap(
        mine -> CAST(
            (
                {{streams:merged}}
            ),
            'Tuple({{streams:typed}})'
        ),
        arrayMap(
            one -> arrayFilter(p -> ({{streams:identity}}) = one, parts),
            arraySort(arrayDistinct(arrayMap(p -> ({{streams:identity}}), parts)))
        )
    );

-- True if a stream's source gave fewer than `least` frames per second on average, which an encoder
-- cannot compensate. An encoder that repeats the last frame of a still source adds one per second.
CREATE OR REPLACE FUNCTION isobar_source_below AS (source_frames, source_us, frames, frames_us, least) ->
    1000000 * source_frames < least * source_us
    AND 2000000 * frames < greatest(2 * least, 3) * frames_us;

-- The reason why Microsoft's Call Quality Dashboard (rules of 2024-10-22) classifies a whole stream as
-- poor or unclassified, and empty if it is good. All values are averages over the stream. The rules
-- are those of the pack teams-cqd, version 3, described in docs/reference/scores.md.
CREATE OR REPLACE FUNCTION isobar_cqd_reason AS (stream) ->
    arrayMap(s -> multiIf(
        s.withheld_us > 0 AND s.withheld_us >= s.observed_us, 'no_source',
        s.is_video = 0, multiIf(
            s.packets <= 500, 'few_packets',
            s.round_trip_us > 500000 * s.round_trip_count, 'round_trip',
            s.packets_expected > 0 AND 10 * s.packets_lost > s.packets_expected, 'loss',
            s.jitter_us > 30000 * s.jitter_count, 'jitter',
            s.round_trip_count + greatest(0, s.packets_expected) + s.jitter_count = 0, 'no_metric',
            ''
        ),
        s.h264s = 1 OR s.content = 2 AND s.is_sent = 1, multiIf(
            s.frames_us = 0, 'no_metric',
            isobar_source_below(s.source_frames, s.source_us, s.frames, s.frames_us, 1), 'no_source',
            1000000 * s.frames < s.frames_us, 'frame_rate',
            ''
        ),
        s.content = 2, multiIf(
            s.frames_offered = 0, 'no_metric',
            2 * s.frames_dropped > s.frames_offered, 'frame_loss',
            ''
        ),
        s.packets <= 500, 'few_packets',
        s.content = 0 AND (s.is_sent = 1 OR s.frames_offered = 0), 'unknown_content',
        s.frames_offered > 0, if(2 * s.frames_dropped > s.frames_offered, 'frame_loss', ''),
        s.frames_us > 0 AND NOT isobar_source_below(s.source_frames, s.source_us, s.frames, s.frames_us, 7),
        if(1000000 * s.frames < 7 * s.frames_us, 'frame_rate', ''),
        s.packets_expected > 0, if(100 * s.packets_lost > 15 * s.packets_expected, 'loss', ''),
        s.frames_us > 0, 'no_source',
        'no_metric'
    ), [stream])[1];

-- Merges streams and adds CQD's verdict to each.
CREATE OR REPLACE FUNCTION isobar_cqd_streams AS (streams) ->
    arrayMap(
        (t, reason) -> CAST(
            (
                if(t.is_video = 1, 'video', 'audio'),
                if(t.is_sent = 1, 'outbound', 'inbound'),
                multiIf(t.is_video = 0, '', t.content = 2, 'screen', t.content = 1, 'camera', 'unknown'),
                multiIf(
                    reason = '', 'good',
                    reason IN ('no_source', 'few_packets', 'unknown_content', 'no_metric'), 'unclassified',
                    'poor'
                ),
                reason,
                t.h264s, {{stream_sums:of_t}}
            ),
            'Tuple(kind String, direction String, content String, verdict String, reason String, h264s Int64, {{stream_sums:typed}})'
        ),
        streams, arrayMap(t -> isobar_cqd_reason(t), streams)
    );

-- One row per session, with place, provider and device of its last event. If `partitions` is above 1,
-- its records are in several partitions, which are folded independently, so it may be counted twice.
CREATE OR REPLACE VIEW sessions
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    app, call, participant,
    uniqExact(session_partials.partition) AS partitions,
    min(session_partials.first_us) AS first_us,
    max(session_partials.last_us) AS last_us,
    argMax(continent, (session_partials.last_us, session_partials.last_raw_offset)) AS continent,
    argMax(country, (session_partials.last_us, session_partials.last_raw_offset)) AS country,
    argMax(subdivision, (session_partials.last_us, session_partials.last_raw_offset)) AS subdivision,
    argMax(city, (session_partials.last_us, session_partials.last_raw_offset)) AS city,
    argMax(asn, (session_partials.last_us, session_partials.last_raw_offset)) AS asn,
    argMax(organisation, (session_partials.last_us, session_partials.last_raw_offset)) AS organisation,
    argMax(connection_type, (session_partials.last_us, session_partials.last_raw_offset)) AS connection_type,
    argMax(place_source, (session_partials.last_us, session_partials.last_raw_offset)) AS place_source,
    argMax(device_class, (session_partials.last_us, session_partials.last_raw_offset)) AS device_class,
    argMax(os, (session_partials.last_us, session_partials.last_raw_offset)) AS os,
    argMax(browser, (session_partials.last_us, session_partials.last_raw_offset)) AS browser,
    argMax(browser_version, (session_partials.last_us, session_partials.last_raw_offset)) AS browser_version,
    argMax(network, (session_partials.last_us, session_partials.last_raw_offset)) AS network,
    argMax(network_type, (path_us, path_raw_offset)) AS network_type,
    argMax(transport, (path_us, path_raw_offset)) AS transport,
    argMax(edge, (session_partials.last_us, session_partials.last_raw_offset)) AS edge,
    argMax(client_version, (session_partials.last_us, session_partials.last_raw_offset)) AS client_version,
    sum(joined) AS joined,
    sum(connected) AS connected,
    sum(failed) AS failed,
    sum(left) AS left,
    sum(disconnected) AS disconnected,
    sum(reconnected) AS reconnected,
    sum(device_failed) AS device_failed,
    sum(selected_pair_changes) AS selected_pair_changes,
    sum(rating_sum) AS rating_sum,
    sum(rating_count) AS rating_count,
    sum(time_to_connect_ms_sum) AS time_to_connect_ms_sum,
    sum(time_to_connect_count) AS time_to_connect_count,
    sum(time_to_media_ms_sum) AS time_to_media_ms_sum,
    sum(time_to_media_count) AS time_to_media_count,
    isobar_saturated(sum(toInt128(round_trip_us))) AS round_trip_us,
    sum(round_trip_count) AS round_trip_count,
    sum(audio_mos_milli_sum) AS audio_mos_milli_sum,
    sum(audio_mos_count) AS audio_mos_count,
    sum(video_mos_milli_sum) AS video_mos_milli_sum,
    sum(video_mos_count) AS video_mos_count,
    isobar_cqd_streams(isobar_merged_streams(groupArrayArray(streams))) AS cqd_streams,
    arrayCount(s -> s.verdict = 'poor', cqd_streams) AS cqd_poor_streams,
    arrayCount(s -> s.verdict = 'good', cqd_streams) AS cqd_good_streams,
    arrayCount(s -> s.verdict = 'unclassified', cqd_streams) AS cqd_unclassified_streams,
    sum(streams_beyond) AS streams_beyond,
    {{measures:sum}},
    {{packs:sum}}
FROM session_partials FINAL
GROUP BY app, call, participant
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Aggregates the packet loss, 0 to 1: lost / expected. Expected packets are those that arrived (without
-- retransmissions) or were lost. NULL if the loss of all intervals is unknown. The number of lost
-- packets is signed and may include packets that were sent earlier.
CREATE OR REPLACE FUNCTION isobar_loss AS (expected, lost) ->
    if(sum(expected) > 0, least(1, greatest(0, sum(lost) / sum(expected))), NULL);

-- A text that no spreadsheet treats as a formula: adds an apostrophe if the first character begins a
-- formula (OWASP, CSV Injection), including wide forms.
CREATE OR REPLACE FUNCTION isobar_harmless AS (x) ->
    if(match(x, '^[=+@＝＋－＠\\t\\r\\n-]'), concat('\'', x), x);

-- Sessions with partials in several partitions, in blocks that began since the given time. The time is
-- the broker's append time of enriched reports, so sessions that are uploaded hours later are included.
CREATE OR REPLACE VIEW split_sessions
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT app, call, participant, arraySort(groupUniqArray(partition)) AS partitions
FROM session_partials
WHERE (epoch, partition, block_start) IN (
    SELECT epoch, partition, block_start FROM blocks
    WHERE append_minute >= intDiv(toUnixTimestamp({since:DateTime('UTC')}), 60)
)
GROUP BY app, call, participant
HAVING length(partitions) > 1;
