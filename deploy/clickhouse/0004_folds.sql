-- Converts a 128-bit sum to 64 bits, limited to the range of Int64, so that it never overflows.
-- (ClickHouse 26.7 compiles an expression after its third use, and then least() and greatest() of
-- Int128 give wrong results.)
CREATE OR REPLACE FUNCTION isobar_saturated AS (s) ->
    multiIf(
        s > toInt128('9223372036854775807'), toInt64('9223372036854775807'),
        s < toInt128('-9223372036854775808'), toInt64('-9223372036854775808'),
        toInt64(s)
    );

-- The plain fold of the partials: cells_1m is built from it and compared with it. If the window
-- length was changed, two windows may have the same start. They are one cell with the greater length,
-- because the key of cells_1m does not contain the length.
CREATE OR REPLACE VIEW folded_partials
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    window_start,
    max(window_s) AS window_s,
    grouping,
    {{dimensions:names}},
    {{measures:sum}},
    {{packs:sum}},
    {{sketches:sum}}
FROM cell_partials FINAL
GROUP BY
    window_start, grouping,
    {{dimensions:names}}
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The source of cells_1h.
CREATE OR REPLACE VIEW folded_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfHour(window_start) AS window_start,
    toInt32(3600) AS window_s,
    grouping,
    {{dimensions:names}},
    {{measures:sum}},
    {{packs:sum}},
    {{sketches:sum}}
FROM cells_1m FINAL
GROUP BY
    window_start, window_s, grouping,
    {{dimensions:names}}
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The source of cells_1d.
CREATE OR REPLACE VIEW folded_days
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfDay(window_start) AS window_start,
    toInt32(86400) AS window_s,
    grouping,
    {{dimensions:names}},
    {{measures:sum}},
    {{packs:sum}},
    {{sketches:sum}}
FROM cells_1h FINAL
GROUP BY
    window_start, window_s, grouping,
    {{dimensions:names}}
SETTINGS do_not_merge_across_partitions_select_final = 1;
