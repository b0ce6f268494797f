-- Windows of the roll-ups for a first view: 4 kinds and directions of 320 providers, 40 countries and 640 browsers.
INSERT INTO {table}
(
    window_start, window_s, grouping, app, continent, country, asn, organisation, browser, browser_version, kind,
    direction, intervals, observed_us, poor_us, good_us, packets_expected, packets_lost, setups_attempted,
    setups_failed,
    round_trip_ms, jitter_ms, loss, bit_rate_bps, frame_rate, audio_mos, video_mos, time_to_media_ms, version
)
{sketches}
SELECT
    at, {window_s}, one_of, app, continent, country,
    if(one_of = 'provider', asn, 0), if(one_of = 'provider', organisation, ''),
    if(one_of = 'browser', ['Chrome', 'Safari', 'Edge', 'Firefox'][1 + c % 4], ''),
    if(one_of = 'browser', toString(138 + intDiv(c, 4) % 4), ''),
    ['audio', 'video'][1 + i % 2], ['inbound', 'outbound'][1 + intDiv(i, 2) % 2],
    {minutes} * (10 + intDiv(400, 1 + q % 20)) AS n,
    10000000 * n, 100000 * n * poor_percent, 100000 * n * (100 - poor_percent), 500 * n,
    intDiv(500 * n * (1 + cityHash64(organisation) % 30), 1000), n, intDiv(n * (1 + q % 4), 100),
    states[one].1, states[one].2, states[one].3, states[one].4, states[one].5, states[one].6, states[one].7,
    states[one].8, 1
FROM
(
    SELECT
        toDateTime({from} + {window_s} * intDiv(number, 4000), 'UTC') AS at,
        toUInt32(number % 4000) AS i,
        toUInt32(intDiv(i, 4)) AS group_number,
        multiIf(group_number < 320, 'provider', group_number < 360, 'country', 'browser') AS one_of,
        toUInt32(multiIf(group_number < 320, group_number, group_number < 360, group_number - 320, group_number - 360))
            AS c,
        toUInt32(multiIf(
            one_of = 'provider', intDiv(c, 8) * 16 + c % 8,
            one_of = 'country', c * 16,
            intDiv(c, 16) * 16
        )) AS q,
        1 + (q + intDiv(toUnixTimestamp(at), 60)) % 32 AS one,
{place}
    FROM numbers({first} * 4000, {windows} * 4000)
)
