-- The rows of `session_hours` of a filter and a time range, with the columns that cells are grouped by: part
-- of other queries, where {{hours}} stands for it.
FROM
(
    SELECT
        *, '' AS everything, organisation AS provider, toUnixTimestamp(hour) AS at_hour,
        toUnixTimestamp(toStartOfDay(hour)) AS at_day,
        toDayOfWeek(hour) * 100 + toHour(hour) AS at_weekhour
    FROM session_hours
    WHERE hour >= {from:DateTime('UTC')} AND hour < {to:DateTime('UTC')}
)
WHERE ({app:String} = '' OR app = {app:String})
    AND (empty({apps:Array(String)}) OR app IN {apps:Array(String)})
    AND ({continent:String} = '' OR continent = {continent:String})
    AND ({country:String} = '' OR country = {country:String})
    AND ({subdivision:String} = '' OR subdivision = {subdivision:String})
    AND ({city:String} = '' OR city = {city:String})
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({network_type:String} = '' OR network_type = {network_type:String})
    AND ({edge:String} = '' OR edge = {edge:String})
    AND ({device_class:String} = '' OR device_class = {device_class:String})
    AND ({browser:String} = '' OR browser = {browser:String})
    AND ({browser_version:String} = '' OR browser_version = {browser_version:String})
    AND ({client_version:String} = '' OR client_version = {client_version:String})
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({direction:String} = '' OR direction = {direction:String})
