-- Sessions by cell, with the first and the last hours in which they were seen, for the rule of five: a
-- session counts if it has something of the measure. `firsts` are the smallest first hours, and `lasts` the
-- greatest last hours, of nine sessions each (seconds since 1970).
SELECT
    above, parent, name, bucket,
    count() AS sessions,
    groupArraySorted(9)(first_hour) AS firsts,
    arrayMap(hour -> -hour, groupArraySorted(9)(-last_hour)) AS lasts
FROM
(
    SELECT
        toString({above:Identifier}) AS above, toString({parent:Identifier}) AS parent,
        toString({by:Identifier}) AS name, toString({bucket:Identifier}) AS bucket,
        app, call, participant,
        toInt64(toUnixTimestamp(min(hour))) AS first_hour,
        toInt64(toUnixTimestamp(max(hour))) AS last_hour,
        sum(multiIf(
            {measure:String} = 'loss', packets_expected,
            {measure:String} = 'setup_failures', setups_attempted,
            {measure:String} = 'poor_share', poor_us + good_us,
            intervals
        )) AS whole
{{sessions}}
    GROUP BY above, parent, name, bucket, app, call, participant
)
WHERE whole > 0
GROUP BY above, parent, name, bucket
ORDER BY above, parent, name, bucket
