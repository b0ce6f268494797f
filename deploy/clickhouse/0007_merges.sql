-- For tables with constant inserts, merges start with sixteen parts of similar size instead of the
-- default of five, so that a row is rewritten less often. As by default, the number decreases with the
-- number of parts of a partition and their age, so that parts do not accumulate (decision 22).
ALTER TABLE samples MODIFY SETTING merge_selector_base = 16;
ALTER TABLE cell_partials MODIFY SETTING merge_selector_base = 16;
ALTER TABLE session_partials MODIFY SETTING merge_selector_base = 16;
