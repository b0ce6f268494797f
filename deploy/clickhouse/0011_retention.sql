-- Days for which partials are kept, if they are not the 14 of the tables' files: the last row counts.
CREATE TABLE IF NOT EXISTS retention
(
    partials_days UInt16,
    set_at        DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY set_at;

-- As before, but "may have expired" depends on how long partials are kept.
CREATE OR REPLACE VIEW open_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH ifNull((SELECT partials_days FROM retention ORDER BY set_at DESC LIMIT 1), 14) AS kept_days
SELECT hour, max(rollup_hours.opened) AS opened, max(rollup_hours.built) AS built, max(rollup_hours.built_at) AS built_at
FROM rollup_hours
GROUP BY hour
HAVING (opened > built AND (built = 0 OR hour > now() - toIntervalDay(kept_days - 1)))
    OR built_at > now() - INTERVAL 5 SECOND;

CREATE OR REPLACE VIEW open_parts
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH ifNull((SELECT partials_days FROM retention ORDER BY set_at DESC LIMIT 1), 14) AS kept_days
SELECT part, start, max(rollup_parts.opened) AS opened, max(rollup_parts.built) AS built, max(rollup_parts.built_at) AS built_at
FROM rollup_parts
GROUP BY part, start
HAVING (opened > built AND (built = 0 OR start > now() - toIntervalDay(kept_days - 1)))
    OR built_at > now() - INTERVAL 5 SECOND;
