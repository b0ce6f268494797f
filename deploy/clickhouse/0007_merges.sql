-- What is inserted all the time is merged from sixteen parts of like size on, by default from five: a
-- row is written again less often. With the number of a partition's parts, and their age, that goes
-- down as by default, so that they do not pile up (decision 0022).
ALTER TABLE samples MODIFY SETTING merge_selector_base = 16;
ALTER TABLE cell_partials MODIFY SETTING merge_selector_base = 16;
ALTER TABLE session_partials MODIFY SETTING merge_selector_base = 16;
