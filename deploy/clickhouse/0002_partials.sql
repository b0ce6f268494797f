-- Contribution of one block to one cell. A row is a complete fold of its block up to `upto`, so the
-- row with the greatest `upto` of an identity replaces all others. The key begins with the window,
-- because cells are read and merged by window.
CREATE TABLE IF NOT EXISTS cell_partials
(
    window_start      DateTime('UTC') CODEC(Delta, LZ4),
    window_s          Int32,
    grouping          LowCardinality(String),
    {{dimensions:typed}},
    epoch             Int32,
    partition         Int32,
    block_start       Int64 CODEC(Delta, LZ4),
    upto              Int64 CODEC(Delta, LZ4),
    {{measures:typed}},
    {{packs:typed}},
    {{sketches:typed}}
)
ENGINE = ReplacingMergeTree(upto)
PARTITION BY toDate(window_start)
PRIMARY KEY (window_start, grouping)
ORDER BY (
    window_start, grouping,
    {{dimensions:names}},
    epoch, partition, block_start
)
TTL window_start + INTERVAL 14 DAY
-- Inserts create compact parts, which halves their cost with so many columns.
SETTINGS
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 67108864,
    min_free_disk_ratio_to_perform_insert = 0.02;

-- Contribution of one block to one session. first_us and last_us change with `upto`, so the partition
-- depends on the block. Streams are stored as sums. content is 0 if unknown, 1 for a camera, 2 for a
-- screen.
CREATE TABLE IF NOT EXISTS session_partials
(
    app                  LowCardinality(String),
    call                 String CODEC(ZSTD(1)),
    participant          String CODEC(ZSTD(1)),
    epoch                Int32,
    partition            Int32,
    block_start          Int64 CODEC(Delta, LZ4),
    upto                 Int64 CODEC(Delta, LZ4),
    first_us             DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    last_us              DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    last_raw_offset      Int64 CODEC(Delta, LZ4),
    continent            LowCardinality(String),
    country              LowCardinality(String),
    subdivision          LowCardinality(String),
    city                 LowCardinality(String),
    asn                  Int64 CODEC(T64, LZ4),
    organisation         LowCardinality(String),
    connection_type      LowCardinality(String),
    place_source         LowCardinality(String),
    device_class         LowCardinality(String),
    os                   LowCardinality(String),
    browser              LowCardinality(String),
    browser_version      LowCardinality(String),
    network              LowCardinality(String),
    path_us              Int64 CODEC(Delta, LZ4),
    path_raw_offset      Int64 CODEC(Delta, LZ4),
    network_type         LowCardinality(String),
    transport            LowCardinality(String),
    edge                 LowCardinality(String),
    client_version       LowCardinality(String),
    joined               Int64 CODEC(T64, LZ4),
    connected            Int64 CODEC(T64, LZ4),
    failed               Int64 CODEC(T64, LZ4),
    left                 Int64 CODEC(T64, LZ4),
    disconnected         Int64 CODEC(T64, LZ4),
    reconnected          Int64 CODEC(T64, LZ4),
    device_failed        Int64 CODEC(T64, LZ4),
    selected_pair_changes Int64 CODEC(T64, LZ4),
    rating_sum           Int64 CODEC(T64, LZ4),
    rating_count         Int64 CODEC(T64, LZ4),
    time_to_connect_ms_sum Int64 CODEC(T64, LZ4),
    time_to_connect_count Int64 CODEC(T64, LZ4),
    time_to_media_ms_sum Int64 CODEC(T64, LZ4),
    time_to_media_count  Int64 CODEC(T64, LZ4),
    round_trip_us        Int64 CODEC(T64, LZ4),
    round_trip_count     Int64 CODEC(T64, LZ4),
    audio_mos_milli_sum  Int64 CODEC(T64, LZ4),
    audio_mos_count      Int64 CODEC(T64, LZ4),
    video_mos_milli_sum  Int64 CODEC(T64, LZ4),
    video_mos_count      Int64 CODEC(T64, LZ4),
    streams              Array(Tuple({{streams:typed}})) CODEC(ZSTD(1)),
    streams_beyond       Int64 CODEC(T64, LZ4),
    {{measures:typed}},
    {{packs:typed}},
    INDEX by_last last_us TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(upto)
PARTITION BY intDiv(block_start, 10000000)
ORDER BY (app, call, participant, epoch, partition, block_start)
TTL toDateTime(last_us) + INTERVAL 30 DAY
SETTINGS min_bytes_for_wide_part = 67108864, min_free_disk_ratio_to_perform_insert = 0.02;

-- One audit row per block. A finished block is a newer version of the same row.
CREATE TABLE IF NOT EXISTS blocks
(
    epoch         Int32,
    partition     Int32,
    block_start   Int64 CODEC(Delta, LZ4),
    upto          Int64 CODEC(Delta, LZ4),
    finished      Bool,
    append_minute Int64 CODEC(Delta, LZ4),
    read          Int64 CODEC(T64, LZ4),
    replayed      Int64 CODEC(T64, LZ4),
    accepted      Int64 CODEC(T64, LZ4),
    unverified    Int64 CODEC(T64, LZ4),
    duplicate     Int64 CODEC(T64, LZ4),
    late          Int64 CODEC(T64, LZ4),
    invalid       Int64 CODEC(T64, LZ4),
    undecodable   Int64 CODEC(T64, LZ4),
    intervals     Int64 CODEC(T64, LZ4),
    first_window  DateTime('UTC') CODEC(Delta, LZ4),
    last_window   DateTime('UTC') CODEC(Delta, LZ4),
    raw_holes     Int64 CODEC(T64, LZ4),
    rules         LowCardinality(String),
    raw           String CODEC(ZSTD(1)),
    forgotten     Int64 CODEC(T64, LZ4),
    raw_end       Int64 CODEC(Delta, LZ4),
    capped_by_session Int64 CODEC(T64, LZ4),
    capped_by_block Int64 CODEC(T64, LZ4),
    version       Int64 MATERIALIZED 2 * upto + finished
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(toDateTime(append_minute * 60, 'UTC'))
ORDER BY (epoch, partition, block_start)
TTL toDateTime(append_minute * 60, 'UTC') + INTERVAL 90 DAY
SETTINGS min_free_disk_ratio_to_perform_insert = 0.02;
