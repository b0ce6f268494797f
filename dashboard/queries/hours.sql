-- The rows of `session_hours` of a filter and a time range, with the columns that cells are grouped by: part
-- of other queries, where {{sessions}} stands for it.
FROM
(
    SELECT
        *, '' AS everything, organisation AS provider, toUnixTimestamp(hour) AS at_hour,
        toUnixTimestamp(toStartOfDay(hour)) AS at_day,
        toDayOfWeek(hour) * 100 + toHour(hour) AS at_weekhour
    FROM session_hours
    WHERE hour >= {from:DateTime('UTC')} AND hour < {to:DateTime('UTC')}
)
WHERE {{filter}}
