-- The rows of `session_days` of a filter and a time range: part of other queries, where {{days}} stands for
-- it. Dimensions that the table does not have are not filtered by; the service refuses them before.
FROM
(
    SELECT
        *, '' AS everything, organisation AS provider, toUnixTimestamp(toDateTime(day, 'UTC')) AS at_day
    FROM session_days
    WHERE day >= toDate({from:DateTime('UTC')}) AND day < toDate({to:DateTime('UTC')})
)
WHERE ({app:String} = '' OR app = {app:String})
    AND (empty({apps:Array(String)}) OR app IN {apps:Array(String)})
    AND ({continent:String} = '' OR continent = {continent:String})
    AND ({country:String} = '' OR country = {country:String})
    AND ({subdivision:String} = '' OR subdivision = {subdivision:String})
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({network_type:String} = '' OR network_type = {network_type:String})
    AND ({device_class:String} = '' OR device_class = {device_class:String})
    AND ({browser:String} = '' OR browser = {browser:String})
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({direction:String} = '' OR direction = {direction:String})
