-- Contribution of one block to one session in one hour: a row per kind, direction and value of the
-- dimensions (decision 51). A row is a complete fold of its block up to `upto`, as in cell_partials.
CREATE TABLE IF NOT EXISTS session_hour_partials
(
    hour              DateTime('UTC') CODEC(Delta, LZ4),
    app               LowCardinality(String),
    call              String CODEC(ZSTD(1)),
    participant       String CODEC(ZSTD(1)),
    {{session_dimensions:typed}},
    epoch             Int32,
    partition         Int32,
    block_start       Int64 CODEC(Delta, LZ4),
    upto              Int64 CODEC(Delta, LZ4),
    {{measures:typed}},
    {{packs:typed}}
)
ENGINE = ReplacingMergeTree(upto)
PARTITION BY toDate(hour)
PRIMARY KEY (hour, app, call)
ORDER BY (
    hour, app, call, participant,
    {{session_dimensions:names}},
    epoch, partition, block_start
)
TTL hour + INTERVAL 14 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 67108864,
    merge_selector_base = 16,
    min_free_disk_ratio_to_perform_insert = 0.02;

-- The fold of the partials over blocks, built with the roll-ups of the hour. Parts of a day that is over
-- are merged into one, so that FINAL costs nothing there.
CREATE TABLE IF NOT EXISTS session_hours_1h
(
    hour              DateTime('UTC') CODEC(Delta, LZ4),
    app               LowCardinality(String),
    call              String CODEC(ZSTD(1)),
    participant       String CODEC(ZSTD(1)),
    {{session_dimensions:typed}},
    {{measures:typed}},
    {{packs:typed}},
    version           UInt64 CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(hour)
PRIMARY KEY (hour, app, call)
ORDER BY (
    hour, app, call, participant,
    {{session_dimensions:names}}
)
TTL hour + INTERVAL 30 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    min_age_to_force_merge_seconds = 7200,
    min_age_to_force_merge_on_partition_only = 1,
    min_free_disk_ratio_to_perform_insert = 0.02;

-- Per day and stratum: the number of sessions, and the sums from which a ratio and its variance follow.
-- w is the judged time (poor or good) and y the poor time of one session in the stratum and day, in
-- microseconds. A session's w has fewer than 72 bits; a sum of squares of 2⁶⁴ sessions fits into 256.
CREATE TABLE IF NOT EXISTS session_days_1d
(
    day               Date CODEC(Delta, LZ4),
    app               LowCardinality(String),
    {{strata:typed}},
    sessions          UInt64 CODEC(T64, LZ4),
    judged            UInt64 CODEC(T64, LZ4),
    w                 Int128,
    y                 Int128,
    ww                Int256,
    wy                Int256,
    yy                Int256,
    {{measures:typed}},
    version           UInt64 CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
PRIMARY KEY (day, app)
ORDER BY (
    day, app,
    {{strata:names}}
)
TTL day + INTERVAL 400 DAY
SETTINGS
    min_age_to_force_merge_seconds = 7200,
    min_age_to_force_merge_on_partition_only = 1,
    min_free_disk_ratio_to_perform_insert = 0.02;

-- Roll-ups of cells for a first view, in three groupings: country, provider, browser.
CREATE TABLE IF NOT EXISTS overview_1m
(
    window_start      DateTime('UTC') CODEC(Delta, LZ4),
    window_s          Int32,
    grouping          LowCardinality(String),
    {{overview:typed}},
    {{measures:typed}},
    {{packs:typed}},
    {{sketches:typed}},
    version           UInt64 CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(window_start)
PRIMARY KEY (grouping, window_start)
ORDER BY (
    grouping, window_start,
    {{overview:names}}
)
TTL window_start + INTERVAL 30 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    min_age_to_force_merge_seconds = 7200,
    min_age_to_force_merge_on_partition_only = 1,
    min_free_disk_ratio_to_perform_insert = 0.02;

CREATE TABLE IF NOT EXISTS overview_1h AS overview_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
PRIMARY KEY (grouping, window_start)
ORDER BY (
    grouping, window_start,
    {{overview:names}}
)
TTL window_start + INTERVAL 400 DAY
SETTINGS min_free_disk_ratio_to_perform_insert = 0.02;

CREATE TABLE IF NOT EXISTS overview_1d AS overview_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(window_start)
PRIMARY KEY (grouping, window_start)
ORDER BY (
    grouping, window_start,
    {{overview:names}}
)
TTL window_start + INTERVAL 5 YEAR
SETTINGS min_free_disk_ratio_to_perform_insert = 0.02;

-- Minutes of overview_1m, and days of cells_1d, session_days_1d and overview_1d, that contain everything in the
-- partials, by the same rules as rollup_hours. An insert of partials opens its minutes, then its hours,
-- then its days: an hour of the overview is built from minutes, and a day from hours.
CREATE TABLE IF NOT EXISTS rollup_parts
(
    part     LowCardinality(String),
    start    DateTime('UTC'),
    opened   SimpleAggregateFunction(max, UInt64),
    built    SimpleAggregateFunction(max, UInt64),
    built_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (part, start)
TTL start + INTERVAL 30 DAY;

-- Minutes and days that are read from their sources, by the same rules as open_hours.
CREATE OR REPLACE VIEW open_parts
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT part, start, max(rollup_parts.opened) AS opened, max(rollup_parts.built) AS built, max(rollup_parts.built_at) AS built_at
FROM rollup_parts
GROUP BY part, start
HAVING (opened > built AND (built = 0 OR start > now() - INTERVAL 13 DAY))
    OR built_at > now() - INTERVAL 5 SECOND;

-- Cells by day, with mergeable sketches; of days that are not built yet from the hours that are.
CREATE OR REPLACE VIEW cells_daily
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(start) FROM open_parts WHERE part = 'day') AS open
SELECT
    window_start, window_s, grouping,
    {{dimensions:names}},
    {{measures:wide}},
    {{packs:names}},
    {{sketches:state}}
FROM cells_1d FINAL
WHERE NOT has(open, window_start)
UNION ALL
SELECT
    window_start, window_s, grouping,
    {{dimensions:names}},
    {{measures:wide}},
    {{packs:names}},
    {{sketches:names}}
FROM folded_days
WHERE has(open, window_start) AND window_start >= arrayMin(open) AND window_start <= arrayMax(open)
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The source of session_hours_1h.
CREATE OR REPLACE VIEW folded_session_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    hour, app, call, participant,
    {{session_dimensions:names}},
    {{measures:sum}},
    {{packs:sum}}
FROM session_hour_partials FINAL
GROUP BY
    hour, app, call, participant,
    {{session_dimensions:names}}
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- One row per session, hour, kind, direction and value of the dimensions: of hours that are not complete
-- yet from the partials. The list of open hours is a scalar, as in `cells`.
CREATE OR REPLACE VIEW session_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(hour) FROM open_hours) AS open
SELECT
    hour, app, call, participant,
    {{session_dimensions:names}},
    {{measures:names}},
    {{packs:names}}
FROM session_hours_1h FINAL
WHERE NOT has(open, hour)
UNION ALL
SELECT
    hour, app, call, participant,
    {{session_dimensions:names}},
    {{measures:names}},
    {{packs:names}}
FROM folded_session_hours
WHERE has(open, hour) AND hour >= arrayMin(open) AND hour <= arrayMax(open)
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The source of session_days_1d: sessions of a day and stratum first, then their sums.
CREATE OR REPLACE VIEW folded_session_days
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, app,
    {{strata:names}},
    count() AS sessions,
    countIf(session_w > 0) AS judged,
    sum(session_w) AS w,
    sum(session_y) AS y,
    sum(toInt256(session_w) * session_w) AS ww,
    sum(toInt256(session_w) * session_y) AS wy,
    sum(toInt256(session_y) * session_y) AS yy,
    {{measures:sum}}
FROM
(
    SELECT
        toDate(hour) AS day, app, call, participant,
        {{strata:names}},
        sum(toInt128(session_hours.poor_us)) AS session_y,
        session_y + sum(toInt128(session_hours.good_us)) AS session_w,
        {{measures:sum}}
    FROM session_hours
    GROUP BY
        day, app, call, participant,
        {{strata:names}}
)
GROUP BY
    day, app,
    {{strata:names}};

-- One row per day and stratum; of days that are not built yet from the hours. Measures have 128 bits,
-- as in cells_daily.
CREATE OR REPLACE VIEW session_days
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(toDate(start)) FROM open_parts WHERE part = 'day') AS open
SELECT
    day, app,
    {{strata:names}},
    sessions, judged, w, y, ww, wy, yy,
    {{measures:wide}}
FROM session_days_1d FINAL
WHERE NOT has(open, day)
UNION ALL
SELECT
    day, app,
    {{strata:names}},
    sessions, judged, w, y, ww, wy, yy,
    {{measures:wide}}
FROM folded_session_days
WHERE has(open, day) AND day >= arrayMin(open) AND day <= arrayMax(open)
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The source of overview_1m: first the groupings of which the third is a sum, then all three.
CREATE OR REPLACE VIEW folded_overview
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    window_start, window_s, one AS grouping, app, continent, country,
    if(one = 'provider', by_asn, 0) AS asn,
    if(one = 'provider', by_organisation, '') AS organisation,
    browser, browser_version, kind, direction,
    {{measures:sum}},
    {{packs:sum}},
    {{sketches:sum}}
FROM
(
    SELECT
        toStartOfMinute(window_start) AS window_start,
        toInt32(60) AS window_s,
        if(cell_partials.grouping = 'place', ['country', 'provider'], ['browser']) AS groupings,
        app, continent, country, asn AS by_asn, organisation AS by_organisation,
        browser, browser_version, kind, direction,
        {{measures:sum}},
        {{packs:sum}},
        {{sketches:sum}}
    FROM cell_partials FINAL
    WHERE grouping IN ('place', 'client')
    GROUP BY
        window_start, window_s, groupings,
        app, continent, country, asn, organisation, browser, browser_version, kind, direction
    SETTINGS do_not_merge_across_partitions_select_final = 1
)
ARRAY JOIN groupings AS one
GROUP BY window_start, window_s, grouping, {{overview:names}};

CREATE OR REPLACE VIEW overview_minutes
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(start) FROM open_parts WHERE part = 'minute') AS open
SELECT
    window_start, window_s, grouping,
    {{overview:names}},
    {{measures:names}},
    {{packs:names}},
    {{sketches:state}}
FROM overview_1m FINAL
WHERE NOT has(open, window_start)
UNION ALL
SELECT
    window_start, window_s, grouping,
    {{overview:names}},
    {{measures:names}},
    {{packs:names}},
    {{sketches:names}}
FROM folded_overview
WHERE has(open, window_start) AND window_start >= arrayMin(open) AND window_start <= arrayMax(open)
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The source of overview_1h.
CREATE OR REPLACE VIEW folded_overview_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfHour(window_start) AS window_start,
    toInt32(3600) AS window_s,
    grouping,
    {{overview:names}},
    {{measures:sum}},
    {{packs:sum}},
    {{sketches:sum}}
FROM overview_minutes
GROUP BY window_start, window_s, grouping, {{overview:names}};

CREATE OR REPLACE VIEW overview_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(hour) FROM open_hours) AS open
SELECT
    window_start, window_s, grouping,
    {{overview:names}},
    {{measures:wide}},
    {{packs:names}},
    {{sketches:state}}
FROM overview_1h FINAL
WHERE NOT has(open, window_start)
UNION ALL
SELECT
    window_start, window_s, grouping,
    {{overview:names}},
    {{measures:wide}},
    {{packs:names}},
    {{sketches:names}}
FROM folded_overview_hours
WHERE has(open, window_start) AND window_start >= arrayMin(open) AND window_start <= arrayMax(open)
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The source of overview_1d.
CREATE OR REPLACE VIEW folded_overview_days
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfDay(window_start) AS window_start,
    toInt32(86400) AS window_s,
    grouping,
    {{overview:names}},
    {{measures:sum}},
    {{packs:sum}},
    {{sketches:sum}}
FROM overview_hours
GROUP BY window_start, window_s, grouping, {{overview:names}};

CREATE OR REPLACE VIEW overview_days
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH (SELECT groupArray(start) FROM open_parts WHERE part = 'day') AS open
SELECT
    window_start, window_s, grouping,
    {{overview:names}},
    {{measures:wide}},
    {{packs:names}},
    {{sketches:state}}
FROM overview_1d FINAL
WHERE NOT has(open, window_start)
UNION ALL
SELECT
    window_start, window_s, grouping,
    {{overview:names}},
    {{measures:wide}},
    {{packs:names}},
    {{sketches:names}}
FROM folded_overview_days
WHERE has(open, window_start) AND window_start >= arrayMin(open) AND window_start <= arrayMax(open)
SETTINGS do_not_merge_across_partitions_select_final = 1;
