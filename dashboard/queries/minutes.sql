-- The rows of cells of a filter and a time range, by minute: part of other queries, where {{minutes}} stands
-- for it.
FROM
(
    SELECT
        *, '' AS everything, '' AS city, organisation AS provider,
        toUnixTimestamp(toStartOfMinute(window_start)) AS at_minute
    FROM cell_rows
    WHERE grouping = {grouping:String}
        AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
)
WHERE {{filter}}
