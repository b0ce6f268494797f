-- A sum of 128 bits in 64, the nearest that they hold: it never wraps to another sign. (ClickHouse
-- 26.7 compiles an expression once it was used three times; least() and greatest() of Int128 are wrong
-- then.)
CREATE OR REPLACE FUNCTION isobar_saturated AS (s) ->
    multiIf(
        s > toInt128('9223372036854775807'), toInt64('9223372036854775807'),
        s < toInt128('-9223372036854775808'), toInt64('-9223372036854775808'),
        toInt64(s)
    );

-- The plain fold: what cells_1m is rebuilt from, and what it is held against. Where windows were
-- made longer or shorter, two of them may have the same start: they are one cell, of the greater
-- length, for the key of cells_1m does not tell them apart.
CREATE OR REPLACE VIEW folded_partials
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    window_start,
    max(window_s) AS window_s,
    grouping,
    {{dimensions:names}},
    {{measures:sum}},
    {{packs:sum_by_key}},
    {{sketches:merge}}
FROM cell_partials FINAL
GROUP BY
    window_start, grouping,
    {{dimensions:names}}
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- What cells_1h is rebuilt from.
CREATE OR REPLACE VIEW folded_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfHour(window_start) AS window_start,
    toInt32(3600) AS window_s,
    grouping,
    {{dimensions:names}},
    {{measures:sum}},
    {{packs:sum_by_key}},
    {{sketches:merge}}
FROM cells_1m FINAL
GROUP BY
    window_start, window_s, grouping,
    {{dimensions:names}}
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- What cells_1d is rebuilt from.
CREATE OR REPLACE VIEW folded_days
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfDay(window_start) AS window_start,
    toInt32(86400) AS window_s,
    grouping,
    {{dimensions:names}},
    {{measures:sum}},
    {{packs:sum_by_key}},
    {{sketches:merge}}
FROM cells_1h FINAL
GROUP BY
    window_start, window_s, grouping,
    {{dimensions:names}}
SETTINGS do_not_merge_across_partitions_select_final = 1;
