-- Intervals of the whole hours around a time range, by `session_hours` and in `samples`. They differ where
-- samples are off, have expired, or were too old to be kept when they arrived.
SELECT
    toInt64(sum(intervals)) AS intervals,
    (
        SELECT toInt64(count())
        FROM samples FINAL
        WHERE end_us >= toStartOfHour({from:DateTime('UTC')})
            AND end_us < toStartOfHour({to:DateTime('UTC')} + INTERVAL 3599 SECOND)
        SETTINGS do_not_merge_across_partitions_select_final = 1
    ) AS samples
FROM session_hours
WHERE hour >= toStartOfHour({from:DateTime('UTC')}) AND hour < {to:DateTime('UTC')} AND kind IN ('audio', 'video')
