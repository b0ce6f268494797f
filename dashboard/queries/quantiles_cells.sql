-- Quantiles of a sketch by cell, from cells: up to `seam` from the roll-up by hour, from there on by minute,
-- because an hour's roll-up is complete only some time after its end.
SELECT
    toString({parent:Identifier}) AS parent, toString({by:Identifier}) AS name,
    toString({bucket:Identifier}) AS bucket,
    toInt64(sum(own_intervals)) AS observations,
    quantilesDDMerge(
        0.01,
        0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75,
        0.8, 0.85, 0.88, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999
    )(sketch) AS quantiles
FROM
(
    SELECT
        *, '' AS everything, organisation AS provider,
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
WHERE ({app:String} = '' OR app = {app:String})
    AND (empty({apps:Array(String)}) OR app IN {apps:Array(String)})
    AND ({continent:String} = '' OR continent = {continent:String})
    AND ({country:String} = '' OR country = {country:String})
    AND ({subdivision:String} = '' OR subdivision = {subdivision:String})
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({network_type:String} = '' OR network_type = {network_type:String})
    AND ({edge:String} = '' OR edge = {edge:String})
    AND ({device_class:String} = '' OR device_class = {device_class:String})
    AND ({browser:String} = '' OR browser = {browser:String})
    AND ({browser_version:String} = '' OR browser_version = {browser_version:String})
    AND ({client_version:String} = '' OR client_version = {client_version:String})
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({direction:String} = '' OR direction = {direction:String})
GROUP BY parent, name, bucket
ORDER BY parent, name, bucket
