-- Quantiles of a sketch by cell, made from intervals one by one, for combinations of dimensions that no cell
-- has. The sketch is the same as that of cells.
SELECT
    toString({parent:Identifier}) AS parent, toString({by:Identifier}) AS name,
    toString({bucket:Identifier}) AS bucket,
    toInt64(count()) AS observations,
    quantilesDD(
{{levels}}
    )({sketch:Identifier}) AS quantiles
{{sessions}}
GROUP BY parent, name, bucket
ORDER BY parent, name, bucket
