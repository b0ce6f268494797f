-- Roll-ups by hour, with mergeable sketches. Measures have 128 bits, because in five years
-- the observed time of 60,000 streams in microseconds does not fit into 64 bits.
CREATE OR REPLACE VIEW cells_hourly
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    window_start, window_s, grouping,
    {{dimensions:names}},
    {{measures:wide}},
    {{packs:names}},
    {{sketches:state}}
FROM cells_1h FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
