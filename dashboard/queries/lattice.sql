-- Sessions by cell as counts.sql, of all values of the filter's dimensions: `masks` are the sets of conditions
-- that a session's rows meet (bit 0 is the first of the filter's dimensions; a dimension without a value is
-- met by all). So the sessions of every wider filter follow, and with them what two answers differ by.
SELECT
    above, parent, name, bucket, masks,
    count() AS sessions,
    groupArraySorted(9)(first_hour) AS firsts,
    arrayMap(hour -> -hour, groupArraySorted(9)(-last_hour)) AS lasts
FROM
(
    SELECT
        toString({above:Identifier}) AS above, toString({parent:Identifier}) AS parent,
        toString({by:Identifier}) AS name, toString({bucket:Identifier}) AS bucket,
        app, call, participant,
        arraySort(groupUniqArray(mask)) AS masks,
        toInt64(toUnixTimestamp(minIf(hour, mask = 16383))) AS first_hour,
        toInt64(toUnixTimestamp(maxIf(hour, mask = 16383))) AS last_hour
    FROM
    (
        SELECT
            *, '' AS everything, organisation AS provider, toUnixTimestamp(hour) AS at_hour,
            toUnixTimestamp(toStartOfDay(hour)) AS at_day,
            toDayOfWeek(hour) * 100 + toHour(hour) AS at_weekhour,
            toUInt16(
                ({app:String} = '' OR app = {app:String})
                + 2 * ({continent:String} = '' OR continent = {continent:String})
                + 4 * ({country:String} = '' OR country = {country:String})
                + 8 * ({subdivision:String} = '' OR subdivision = {subdivision:String})
                + 16 * ({city:String} = '' OR city = {city:String})
                + 32 * ({provider:String} = '' OR provider = {provider:String})
                + 64 * ({network_type:String} = '' OR network_type = {network_type:String})
                + 128 * ({edge:String} = '' OR edge = {edge:String})
                + 256 * ({device_class:String} = '' OR device_class = {device_class:String})
                + 512 * ({browser:String} = '' OR browser = {browser:String})
                + 1024 * ({browser_version:String} = '' OR browser_version = {browser_version:String})
                + 2048 * ({client_version:String} = '' OR client_version = {client_version:String})
                + 4096 * ({kind:String} = '' OR kind = {kind:String})
                + 8192 * ({direction:String} = '' OR direction = {direction:String})
            ) AS mask
        FROM session_hours
        WHERE hour >= {from:DateTime('UTC')} AND hour < {to:DateTime('UTC')}
            AND (empty({apps:Array(String)}) OR app IN {apps:Array(String)})
    )
    WHERE multiIf(
        {measure:String} = 'loss', packets_expected,
        {measure:String} = 'setup_failures', setups_attempted,
        {measure:String} = 'poor_share', poor_us + good_us,
        intervals
    ) > 0
    GROUP BY above, parent, name, bucket, app, call, participant
)
GROUP BY above, parent, name, bucket, masks
ORDER BY above, parent, name, bucket, masks
