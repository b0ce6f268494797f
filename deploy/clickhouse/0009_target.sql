-- Which ClickHouse this is: one row, written by `isobar migrate` and the same on all shards and
-- replicas of a cluster. Sinks commit the id beside their offsets, so that a group writes to one
-- ClickHouse only.
CREATE TABLE IF NOT EXISTS target
(
    id      UUID,
    made_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (made_at, id);
