-- Roll-ups: one row per cell. Rebuilding an hour inserts all of its cells again with a greater
-- version, so after two concurrent rebuilds the rows of the newer one remain, in any order.
CREATE TABLE IF NOT EXISTS cells_1m
(
    window_start      DateTime('UTC') CODEC(Delta, LZ4),
    window_s          Int32,
    grouping          LowCardinality(String),
    {{dimensions:typed}},
    {{measures:typed}},
    {{packs:typed}},
    {{sketches:typed}},
    version           UInt64 CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(window_start)
PRIMARY KEY (window_start, grouping)
ORDER BY (
    window_start, grouping,
    {{dimensions:names}}
)
TTL window_start + INTERVAL 30 DAY
SETTINGS min_free_disk_ratio_to_perform_insert = 0.02;

CREATE TABLE IF NOT EXISTS cells_1h AS cells_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
PRIMARY KEY (window_start, grouping)
ORDER BY (
    window_start, grouping,
    {{dimensions:names}}
)
TTL window_start + INTERVAL 400 DAY
SETTINGS min_free_disk_ratio_to_perform_insert = 0.02;

CREATE TABLE IF NOT EXISTS cells_1d AS cells_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(window_start)
PRIMARY KEY (window_start, grouping)
ORDER BY (
    window_start, grouping,
    {{dimensions:names}}
)
TTL window_start + INTERVAL 5 YEAR
SETTINGS min_free_disk_ratio_to_perform_insert = 0.02;

-- Hours of cells_1m that contain everything in cell_partials. An insert of partials afterwards raises
-- `opened` of their hours above every number in this table. A rebuild reads the greatest number before
-- it reads the partials, and writes it to `built` at its end. An hour with opened > built is open.
CREATE TABLE IF NOT EXISTS rollup_hours
(
    hour     DateTime('UTC'),
    opened   SimpleAggregateFunction(max, UInt64),
    built    SimpleAggregateFunction(max, UInt64),
    built_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY hour
TTL hour + INTERVAL 30 DAY;
