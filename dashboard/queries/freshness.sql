-- The newest minute (seconds since 1970, its start) of which a block is complete, and whether there is any.
SELECT toInt64(max(append_minute)) * 60 AS minute, count() > 0 AS found
FROM blocks
WHERE finished AND append_minute >= intDiv(toUnixTimestamp(now()), 60) - 1440
