-- As hours.sql, from intervals one by one: for ranges under an hour, and for percentiles of combinations that
-- no cell has. An interval counts at its end, as in cells, and its values are those that cells sum up.
FROM
(
    SELECT
        app, call, participant, continent, country, subdivision, city, organisation AS provider, network_type,
        edge, device_class, browser, browser_version, client_version, kind, direction,
        '' AS everything,
        toStartOfHour(end_us) AS hour,
        toUnixTimestamp(toStartOfMinute(end_us)) AS at_minute, toUnixTimestamp(toStartOfHour(end_us)) AS at_hour,
        toUnixTimestamp(toStartOfDay(end_us)) AS at_day,
        toDayOfWeek(end_us) * 100 + toHour(end_us) AS at_weekhour,
        toUnixTimestamp64Micro(end_us) - toUnixTimestamp64Micro(start_us) AS observed_us,
        toInt64(1) AS intervals,
        if(verdict = 'poor', observed_us, 0) AS poor_us, if(verdict = 'good', observed_us, 0) AS good_us,
        samples.packets_received - if(direction = 'outbound', 0, ifNull(retransmitted_packets, 0))
            + if(direction = 'outbound', ifNull(samples.packets_lost, 0), samples.packets_lost) AS expected,
        ifNull(expected, 0) AS packets_expected,
        ifNull(samples.packets_lost, 0) AS packets_lost,
        toInt64(0) AS setups_attempted, toInt64(0) AS setups_failed,
        (bytes = 0 OR if(direction = 'outbound', packets_sent, samples.packets_received) = 0)
            AND (direction = 'outbound' OR ifNull(samples.packets_lost, 0) <= 0) AS is_idle,
        ifNull(round_trip_us / if(round_trip_count > 0, round_trip_count, NULL), round_trip_gauge_us) / 1000
            AS round_trip_ms,
        if(ifNull(is_idle, false), NULL, jitter_us / 1000) AS jitter_ms,
        if(expected > 0, least(greatest(samples.packets_lost / expected, 0.), 1.), NULL) AS loss,
        bytes * 8. * 1e6 / observed_us AS bit_rate_bps,
        audio_mos_milli / 1000 AS audio_mos, video_mos_milli / 1000 AS video_mos
    FROM samples FINAL
    WHERE end_us >= {from:DateTime('UTC')} AND end_us < {to:DateTime('UTC')}
    SETTINGS do_not_merge_across_partitions_select_final = 1
)
WHERE {{filter}}
