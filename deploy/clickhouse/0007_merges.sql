-- Fewer and wider merges of what is inserted all the time: parts of like size wait until there are
-- more than by default (5), so that a row is written again half as often. How many parts a
-- partition may have stays as it is: with their number and age merges come as early as ever.
ALTER TABLE samples MODIFY SETTING merge_selector_base = 16;
ALTER TABLE cell_partials MODIFY SETTING merge_selector_base = 16;
ALTER TABLE session_partials MODIFY SETTING merge_selector_base = 16;
