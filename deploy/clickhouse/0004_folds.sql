-- The plain fold: what cells_1m is rebuilt from, and what it is held against.
CREATE OR REPLACE VIEW folded_partials
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    window_start,
    window_s,
    grouping,
    app, continent, country, subdivision, asn, organisation, network_type, edge, device_class,
    os, browser, client_version, kind, direction,
    sum(intervals) AS intervals,
    sum(observed_us) AS observed_us,
    sum(packets_received) AS packets_received,
    sum(packets_lost) AS packets_lost,
    sum(bytes) AS bytes,
    sum(frames) AS frames,
    sum(freeze_us) AS freeze_us,
    sum(freeze_count) AS freeze_count,
    sum(concealed_samples) AS concealed_samples,
    sum(total_samples) AS total_samples,
    sum(nack) AS nack,
    sum(pli) AS pli,
    sum(fir) AS fir,
    sum(setups_attempted) AS setups_attempted,
    sum(setups_failed) AS setups_failed,
    sum(poor_us) AS poor_us,
    sum(good_us) AS good_us,
    sum(unclassified_us) AS unclassified_us,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(round_trip_ms) AS round_trip_ms,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(jitter_ms) AS jitter_ms,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(loss) AS loss,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(bit_rate_bps) AS bit_rate_bps,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(frame_rate) AS frame_rate,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(audio_mos) AS audio_mos,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(video_mos) AS video_mos,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(time_to_media_ms) AS time_to_media_ms
FROM cell_partials FINAL
GROUP BY
    window_start, window_s, grouping, app, continent, country, subdivision, asn, organisation,
    network_type, edge, device_class, os, browser, client_version, kind, direction
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- What cells_1h is rebuilt from.
CREATE OR REPLACE VIEW folded_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfHour(window_start) AS window_start,
    toInt32(3600) AS window_s,
    grouping,
    app, continent, country, subdivision, asn, organisation, network_type, edge, device_class,
    os, browser, client_version, kind, direction,
    sum(intervals) AS intervals,
    sum(observed_us) AS observed_us,
    sum(packets_received) AS packets_received,
    sum(packets_lost) AS packets_lost,
    sum(bytes) AS bytes,
    sum(frames) AS frames,
    sum(freeze_us) AS freeze_us,
    sum(freeze_count) AS freeze_count,
    sum(concealed_samples) AS concealed_samples,
    sum(total_samples) AS total_samples,
    sum(nack) AS nack,
    sum(pli) AS pli,
    sum(fir) AS fir,
    sum(setups_attempted) AS setups_attempted,
    sum(setups_failed) AS setups_failed,
    sum(poor_us) AS poor_us,
    sum(good_us) AS good_us,
    sum(unclassified_us) AS unclassified_us,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(round_trip_ms) AS round_trip_ms,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(jitter_ms) AS jitter_ms,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(loss) AS loss,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(bit_rate_bps) AS bit_rate_bps,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(frame_rate) AS frame_rate,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(audio_mos) AS audio_mos,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(video_mos) AS video_mos,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(time_to_media_ms) AS time_to_media_ms
FROM cells_1m FINAL
GROUP BY
    window_start, window_s, grouping, app, continent, country, subdivision, asn, organisation,
    network_type, edge, device_class, os, browser, client_version, kind, direction
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- What cells_1d is rebuilt from.
CREATE OR REPLACE VIEW folded_days
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfDay(window_start) AS window_start,
    toInt32(86400) AS window_s,
    grouping,
    app, continent, country, subdivision, asn, organisation, network_type, edge, device_class,
    os, browser, client_version, kind, direction,
    sum(intervals) AS intervals,
    sum(observed_us) AS observed_us,
    sum(packets_received) AS packets_received,
    sum(packets_lost) AS packets_lost,
    sum(bytes) AS bytes,
    sum(frames) AS frames,
    sum(freeze_us) AS freeze_us,
    sum(freeze_count) AS freeze_count,
    sum(concealed_samples) AS concealed_samples,
    sum(total_samples) AS total_samples,
    sum(nack) AS nack,
    sum(pli) AS pli,
    sum(fir) AS fir,
    sum(setups_attempted) AS setups_attempted,
    sum(setups_failed) AS setups_failed,
    sum(poor_us) AS poor_us,
    sum(good_us) AS good_us,
    sum(unclassified_us) AS unclassified_us,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(round_trip_ms) AS round_trip_ms,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(jitter_ms) AS jitter_ms,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(loss) AS loss,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(bit_rate_bps) AS bit_rate_bps,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(frame_rate) AS frame_rate,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(audio_mos) AS audio_mos,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(video_mos) AS video_mos,
    quantilesDDMergeState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(time_to_media_ms) AS time_to_media_ms
FROM cells_1h FINAL
GROUP BY
    window_start, window_s, grouping, app, continent, country, subdivision, asn, organisation,
    network_type, edge, device_class, os, browser, client_version, kind, direction
SETTINGS do_not_merge_across_partitions_select_final = 1;
