-- Quantiles of a sketch by cell, from the roll-ups of the first view: `source` is overview_minutes,
-- overview_hours or overview_days, and `grouping` the coarsest one that has the dimensions asked for.
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
        app, continent, country, organisation AS provider, browser, browser_version, kind, direction,
        '' AS everything, '' AS subdivision, '' AS city, '' AS network_type, '' AS edge, '' AS device_class,
        '' AS client_version,
        intervals AS own_intervals, {sketch:Identifier} AS sketch,
        toUnixTimestamp(toStartOfMinute(window_start)) AS at_minute,
        toUnixTimestamp(toStartOfHour(window_start)) AS at_hour,
        toUnixTimestamp(toStartOfDay(window_start)) AS at_day,
        toDayOfWeek(window_start) * 100 + toHour(window_start) AS at_weekhour
    FROM {source:Identifier}
    WHERE grouping = {grouping:String}
        AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
)
WHERE {{filter}}
GROUP BY parent, name, bucket
ORDER BY parent, name, bucket
