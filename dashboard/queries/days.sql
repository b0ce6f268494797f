-- The rows of `session_days` of a filter and a time range: part of strata_days.sql, where {{days}} stands for
-- it.
FROM
(
    SELECT
        *, '' AS everything, '' AS city, '' AS edge, '' AS browser_version, '' AS client_version,
        organisation AS provider, toUnixTimestamp(toDateTime(day, 'UTC')) AS at_day
    FROM session_days
    WHERE day >= toDate({from:DateTime('UTC')}) AND day < toDate({to:DateTime('UTC')})
)
WHERE {{filter}}
