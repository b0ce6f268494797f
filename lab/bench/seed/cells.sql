-- Windows of cells: two thirds of the grouping `place`, one third of `client`. A minute has every second cell.
INSERT INTO {table}
(
    window_start, window_s, grouping, app, continent, country, subdivision, asn, organisation, network_type, edge,
    device_class, browser, browser_version, client_version, kind, direction,
    intervals, observed_us, poor_us, good_us, packets_expected, packets_lost, setups_attempted, setups_failed,
    round_trip_ms, jitter_ms, loss, bit_rate_bps, frame_rate, audio_mos, video_mos, time_to_media_ms, version
)
{sketches}
SELECT
    at, {window_s}, if(is_place, 'place', 'client'), app, if(is_place, continent, ''), country,
    if(is_place, subdivision, ''), if(is_place, asn, 0), if(is_place, organisation, ''),
    if(is_place, ['wifi', 'cellular', 'ethernet'][1 + intDiv(i, 4) % 3], ''),
    if(is_place, concat('edge-', toString(1 + (country_number + intDiv(i, 12)) % 6)), ''),
    if(is_place, '', ['desktop', 'mobile'][1 + intDiv(i, 4) % 2]),
    if(is_place, '', ['Chrome', 'Safari', 'Edge', 'Firefox'][1 + intDiv(i, 8) % 4]),
    if(is_place, '', toString(138 + intDiv(i, 32) % 4)),
    if(is_place, '', ['4.2.1', '4.2.0', '4.1.7'][1 + intDiv(i, 128) % 3]),
    ['audio', 'video'][1 + i % 2], ['inbound', 'outbound'][1 + intDiv(i, 2) % 2],
    {minutes} * (1 + intDiv(40, 1 + q % 20)) AS n,
    10000000 * n, 100000 * n * poor_percent, 100000 * n * (100 - poor_percent), 500 * n,
    intDiv(500 * n * (1 + cityHash64(organisation) % 30), 1000), n, intDiv(n * (1 + q % 4), 100),
    states[one].1, states[one].2, states[one].3, states[one].4, states[one].5, states[one].6, states[one].7,
    states[one].8, 1
FROM
(
    SELECT
        toDateTime({from} + {window_s} * intDiv(number, {count}), 'UTC') AS at,
        {stride} * (number % {count}) + intDiv(number, {count}) % {stride} AS cell,
        cell < 24 * {places} AS is_place,
        toUInt32(if(is_place, cell, cell - 24 * {places})) AS i,
        toUInt32(if(is_place, intDiv(i, 24), intDiv(intDiv(i, 384) * {places}, 40))) AS q,
        1 + (q + intDiv(toUnixTimestamp(at), 60)) % 32 AS one,
{place}
    FROM numbers({first} * {count}, {windows} * {count})
)
