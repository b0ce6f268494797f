-- Hours that are read from the partials. An hour that was built a moment ago still is, so that a
-- query that took its snapshot of cells_1m before the rebuild and read this after it loses
-- nothing. An hour whose partials may have expired is never open again.
CREATE OR REPLACE VIEW open_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT hour, max(rollup_hours.opened) AS opened, max(rollup_hours.built) AS built, max(rollup_hours.built_at) AS built_at
FROM rollup_hours
GROUP BY hour
HAVING (opened > built AND (built = 0 OR hour > now() - INTERVAL 13 DAY))
    OR built_at > now() - INTERVAL 5 SECOND;

-- One row a cell: from the roll-up where it is complete, from the partials where it is not. The
-- list of open hours is a scalar, so that both halves of one query see the same list.
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

-- What adds up to `cells`, without having added it up: several rows a cell in open hours. The
-- cheaper one to read for whoever groups anyway.
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

-- One row a session; its place, provider and device are those of its last event.
CREATE OR REPLACE VIEW sessions
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    app, call, participant,
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
    sum(round_trip_us) AS round_trip_us,
    sum(round_trip_count) AS round_trip_count,
    sum(audio_mos_milli_sum) AS audio_mos_milli_sum,
    sum(audio_mos_count) AS audio_mos_count,
    sum(video_mos_milli_sum) AS video_mos_milli_sum,
    sum(video_mos_count) AS video_mos_count,
    {{measures:sum}},
    {{packs:sum_by_key}}
FROM session_partials FINAL
GROUP BY app, call, participant
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Places and providers over the last hour. A session counts wherever it was seen.
CREATE OR REPLACE VIEW league
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    country,
    organisation,
    sessions,
    poor_share,
    round_trip[1] AS round_trip_p50_ms,
    round_trip[2] AS round_trip_p95_ms,
    loss,
    audio_mos_p50
FROM
(
    SELECT
        country,
        organisation,
        sum(poor_us) / nullIf(sum(poor_us) + sum(good_us), 0) AS poor_share,
        quantilesDDMerge(0.01, 0.5, 0.95)(round_trip_ms) AS round_trip,
        -- The count of lost packets is signed, and is of packets sent before, too. Retransmitted
        -- packets are among those received, but are none of the stream's own.
        least(1, greatest(0, sum(packets_lost) / nullIf(greatest(0, sum(packets_received) - sum(retransmitted_packets_received) + sum(packets_lost)), 0))) AS loss,
        quantileDDMerge(0.01, 0.5)(audio_mos) AS audio_mos_p50
    FROM cell_rows
    WHERE grouping = 'place' AND window_start >= now() - INTERVAL 1 HOUR
    GROUP BY country, organisation
) AS quality
LEFT JOIN
(
    SELECT country, organisation, uniqExact(app, call, participant) AS sessions
    FROM session_partials
    WHERE last_us >= now() - INTERVAL 1 HOUR
    GROUP BY country, organisation
) AS seen USING (country, organisation);
