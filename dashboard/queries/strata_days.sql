-- As strata.sql, from the sums by day: a session counts once in each day and direction. Squares are kept
-- for the poor share alone.
SELECT
    parent, name, bucket,
    s_browser AS browser, s_device_class AS device_class, s_network_type AS network_type, s_kind AS kind,
    s_direction AS direction,
    toUInt64(sum(judged)) AS sessions,
    toString(sum(session_w)) AS w, toString(sum(session_y)) AS y,
    toString(sum(session_ww)) AS ww, toString(sum(session_wy)) AS wy, toString(sum(session_yy)) AS yy,
    toInt64(sum(own_intervals)) AS intervals
FROM
(
    SELECT
        toString({parent:Identifier}) AS parent, toString({by:Identifier}) AS name,
        toString({bucket:Identifier}) AS bucket,
        if({by:String} = 'browser', '', browser) AS s_browser,
        if({by:String} = 'device_class', '', device_class) AS s_device_class,
        if({by:String} = 'network_type', '', network_type) AS s_network_type,
        if({by:String} = 'kind', '', kind) AS s_kind,
        direction AS s_direction,
        judged, w AS session_w, y AS session_y, ww AS session_ww, wy AS session_wy, yy AS session_yy,
        intervals AS own_intervals
{{days}}
)
WHERE session_w > 0
GROUP BY parent, name, bucket, browser, device_class, network_type, kind, direction
ORDER BY parent, name, bucket, browser, device_class, network_type, kind, direction
