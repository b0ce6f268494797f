-- Exact quantiles by cell, from intervals one by one, for combinations of dimensions that no cell has. A sketch
-- that ClickHouse makes of them would not be that of cells: below 1 its bins are up to 3 % wide.
SELECT
    toString({parent:Identifier}) AS parent, toString({by:Identifier}) AS name,
    toString({bucket:Identifier}) AS bucket,
    toInt64(count()) AS observations,
    quantilesExact(
{{levels}}
    )({sketch:Identifier}) AS quantiles
{{sessions}}
GROUP BY parent, name, bucket
ORDER BY parent, name, bucket
