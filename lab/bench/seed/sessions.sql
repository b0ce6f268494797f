-- Sessions by hour: each has both directions of audio and video, and its set-up; one in eight lasts into a second
-- hour. Places are taken by the square of a uniform number, so that small ones are most frequent.
INSERT INTO session_hours_1h
(
    hour, app, call, participant, continent, country, subdivision, city, asn, organisation, network_type, edge,
    device_class, browser, browser_version, client_version, kind, direction, intervals, observed_us, poor_us,
    good_us, packets_expected, packets_lost, setups_attempted, setups_failed, version
)
SELECT
    toDateTime(least({from} + 3600 * (began + later), {last}), 'UTC') AS hour,
    app, concat('call-', toString(intDiv(number, 2))), concat('p-', toString(number)), continent, country, subdivision,
    concat(subdivision, ' City ', toString(h % 3)), asn, organisation,
    ['wifi', 'wifi', 'wifi', 'cellular', 'cellular', 'ethernet'][1 + intDiv(h, 16) % 6],
    concat('edge-', toString(1 + (country_number + intDiv(h, 128) % 2) % 6)),
    if(intDiv(h, 256) % 3 = 0, 'mobile', 'desktop'),
    ['Chrome', 'Chrome', 'Chrome', 'Safari', 'Safari', 'Edge', 'Firefox'][1 + intDiv(h, 1024) % 7],
    toString(138 + intDiv(h, 8192) % 4), ['4.2.1', '4.2.0', '4.2.0', '4.1.7'][1 + intDiv(h, 65536) % 4],
    stream.1, stream.2,
    if(stream.1 = 'none', 0, 30) AS n, 10000000 * n,
    if(h % 100 < poor_percent, 1000000 * n * (1 + h % 9), 0) AS poor, 10000000 * n - poor,
    500 * n, intDiv(500 * n * (h % 30), 1000),
    toInt64(stream.1 = 'none' AND later = 0) AS attempted, toInt64(attempted = 1 AND h % 100 < 2), 1
FROM
(
    SELECT
        number, cityHash64(number) AS h,
        toUInt32(floor({places} * pow(cityHash64(number, 'place') / 18446744073709551616, 2))) AS q,
        toUInt32(intDiv(number * {hours}, {sessions})) AS began,
{place}
    FROM numbers({first}, {windows})
)
ARRAY JOIN
    [('audio', 'inbound'), ('audio', 'outbound'), ('video', 'inbound'), ('video', 'outbound'), ('none', 'none')]
        AS stream
ARRAY JOIN if(h % 8 = 0 AND {from} + 3600 * (began + 1) <= {last}, [0, 1], [0]) AS later
