-- Sums of one measure by cell, from cells by minute, which know no sessions: for ranges under an hour without
-- samples, and for set-ups.
SELECT
    toString({above:Identifier}) AS above, toString({parent:Identifier}) AS parent,
    toString({by:Identifier}) AS name, toString({bucket:Identifier}) AS bucket,
    toString(sum(toInt128(multiIf(
        {measure:String} = 'loss', packets_expected,
        {measure:String} = 'setup_failures', setups_attempted,
        poor_us + good_us
    )))) AS w,
    toString(sum(toInt128(multiIf(
        {measure:String} = 'loss', packets_lost,
        {measure:String} = 'setup_failures', setups_failed,
        poor_us
    )))) AS y,
    toInt64(sum(toInt128(intervals))) AS own_intervals
{{minutes}}
GROUP BY above, parent, name, bucket
ORDER BY above, parent, name, bucket
