-- Sums of one measure by cell and stratum, from sessions: the input of shares with intervals and of
-- standardisation. An observation is a session within a stratum; both directions are added before squares
-- are taken. `by`, `parent` and `bucket` are names of columns, chosen by the service from a fixed list.
SELECT
    parent, name, bucket,
    s_browser AS browser, s_device_class AS device_class, s_network_type AS network_type, s_kind AS kind,
    count() AS sessions,
    toString(sum(toInt128(whole))) AS w,
    toString(sum(toInt128(part))) AS y,
    toString(sum(toInt128(whole) * whole)) AS ww,
    toString(sum(toInt128(whole) * part)) AS wy,
    toString(sum(toInt128(part) * part)) AS yy,
    sum(own_intervals) AS intervals
FROM
(
    SELECT
        toString({parent:Identifier}) AS parent, toString({by:Identifier}) AS name,
        toString({bucket:Identifier}) AS bucket,
        if({by:String} IN ('browser', 'browser_version'), '', browser) AS s_browser,
        if({by:String} = 'device_class', '', device_class) AS s_device_class,
        if({by:String} = 'network_type', '', network_type) AS s_network_type,
        if({by:String} = 'kind', '', kind) AS s_kind,
        app, call, participant,
        sum(multiIf(
            {measure:String} = 'loss', packets_lost,
            {measure:String} = 'setup_failures', setups_failed,
            poor_us
        )) AS part,
        sum(multiIf(
            {measure:String} = 'loss', packets_expected,
            {measure:String} = 'setup_failures', setups_attempted,
            poor_us + good_us
        )) AS whole,
        sum(intervals) AS own_intervals
{{sessions}}
    GROUP BY parent, name, bucket, s_browser, s_device_class, s_network_type, s_kind, app, call, participant
)
WHERE whole > 0
GROUP BY parent, name, bucket, browser, device_class, network_type, kind
ORDER BY parent, name, bucket, browser, device_class, network_type, kind
