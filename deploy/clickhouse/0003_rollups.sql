-- Roll-ups: one row a cell. Rebuilding an hour inserts all of its cells again with a greater
-- version, so two rebuilders at once, in whatever order, leave the newer one's rows. Merges take
-- short blocks because a sketch in memory is long.
CREATE TABLE IF NOT EXISTS cells_1m
(
    window_start      DateTime('UTC') CODEC(Delta, LZ4),
    window_s          Int32,
    grouping          LowCardinality(String),
    app               LowCardinality(String),
    continent         LowCardinality(String),
    country           LowCardinality(String),
    subdivision       LowCardinality(String),
    asn               Int64 CODEC(T64, LZ4),
    organisation      LowCardinality(String),
    network_type      LowCardinality(String),
    edge              LowCardinality(String),
    device_class      LowCardinality(String),
    os                LowCardinality(String),
    browser           LowCardinality(String),
    client_version    LowCardinality(String),
    kind              LowCardinality(String),
    direction         LowCardinality(String),
    intervals         Int64 CODEC(T64, LZ4),
    observed_us       Int64 CODEC(T64, LZ4),
    packets_received  Int64 CODEC(T64, LZ4),
    packets_lost      Int64 CODEC(T64, LZ4),
    bytes             Int64 CODEC(T64, LZ4),
    frames            Int64 CODEC(T64, LZ4),
    freeze_us         Int64 CODEC(T64, LZ4),
    freeze_count      Int64 CODEC(T64, LZ4),
    concealed_samples Int64 CODEC(T64, LZ4),
    total_samples     Int64 CODEC(T64, LZ4),
    nack              Int64 CODEC(T64, LZ4),
    pli               Int64 CODEC(T64, LZ4),
    fir               Int64 CODEC(T64, LZ4),
    setups_attempted  Int64 CODEC(T64, LZ4),
    setups_failed     Int64 CODEC(T64, LZ4),
    poor_us           Int64 CODEC(T64, LZ4),
    good_us           Int64 CODEC(T64, LZ4),
    unclassified_us   Int64 CODEC(T64, LZ4),
    round_trip_ms     AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    jitter_ms         AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    loss              AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    bit_rate_bps      AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    frame_rate        AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    audio_mos         AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    video_mos         AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    time_to_media_ms  AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99), Float64) CODEC(ZSTD(1)),
    version           UInt64 CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(window_start)
PRIMARY KEY (window_start, grouping)
ORDER BY (
    window_start, grouping, app, continent, country, subdivision, asn, organisation,
    network_type, edge, device_class, os, browser, client_version, kind, direction
)
TTL window_start + INTERVAL 30 DAY
SETTINGS merge_max_block_size = 1024;

CREATE TABLE IF NOT EXISTS cells_1h AS cells_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
PRIMARY KEY (window_start, grouping)
ORDER BY (
    window_start, grouping, app, continent, country, subdivision, asn, organisation,
    network_type, edge, device_class, os, browser, client_version, kind, direction
)
TTL window_start + INTERVAL 400 DAY
SETTINGS merge_max_block_size = 1024;

CREATE TABLE IF NOT EXISTS cells_1d AS cells_1m
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(window_start)
PRIMARY KEY (window_start, grouping)
ORDER BY (
    window_start, grouping, app, continent, country, subdivision, asn, organisation,
    network_type, edge, device_class, os, browser, client_version, kind, direction
)
TTL window_start + INTERVAL 5 YEAR
SETTINGS merge_max_block_size = 1024;

-- Which hours of cells_1m hold all of cell_partials. Whoever inserts partials then raises `opened`
-- of their hours above every number in this table; a rebuild takes the greatest number before it
-- reads and writes it to `built` when it is done. An hour with opened > built is open.
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
