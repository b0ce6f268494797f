-- The id of this ClickHouse: one row, written by `isobar migrate` and identical on all shards and
-- replicas of a cluster. Sinks commit the id with their offsets, so that a group writes to one
-- ClickHouse only.
CREATE TABLE IF NOT EXISTS target
(
    id      UUID,
    made_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (made_at, id);
