-- Quantiles of a sketch by cell, from cells: up to `seam` from the roll-up by hour, from there on by minute,
-- because an hour's roll-up is complete only some time after its end.
SELECT
    toString({parent:Identifier}) AS parent, toString({by:Identifier}) AS name,
    toString({bucket:Identifier}) AS bucket,
    toInt64(sum(own_intervals)) AS observations,
    quantilesDDMerge(
        0.01,
{{levels}}
    )(sketch) AS quantiles
FROM
(
    SELECT
        *, '' AS everything, '' AS city, organisation AS provider,
        toUnixTimestamp(toStartOfMinute(window_start)) AS at_minute,
        toUnixTimestamp(toStartOfHour(window_start)) AS at_hour,
        toUnixTimestamp(toStartOfDay(window_start)) AS at_day,
        toDayOfWeek(window_start) * 100 + toHour(window_start) AS at_weekhour
    FROM
    (
        SELECT
            window_start, app, continent, country, subdivision, organisation, network_type, edge, kind,
            direction, device_class, browser, browser_version, client_version,
            toInt128(intervals) AS own_intervals, {sketch:Identifier} AS sketch
        FROM cells_hourly
        WHERE grouping = {grouping:String}
            AND window_start >= {from:DateTime('UTC')} AND window_start < {seam:DateTime('UTC')}
        UNION ALL
        SELECT
            window_start, app, continent, country, subdivision, organisation, network_type, edge, kind,
            direction, device_class, browser, browser_version, client_version,
            toInt128(intervals) AS own_intervals, {sketch:Identifier} AS sketch
        FROM cell_rows
        WHERE grouping = {grouping:String}
            AND window_start >= {seam:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
    )
)
WHERE {{filter}}
GROUP BY parent, name, bucket
ORDER BY parent, name, bucket
