-- From confirmation to the end, of orders that ended in the last day; one that took over a week is left out.
WITH ended AS (
    SELECT extract(epoch FROM done_at - confirmed_at) AS seconds
    FROM sales.orders
    WHERE confirmed_at > now() - interval '7 days' AND done_at > now() - interval '1 day' AND NOT of_probe
)
SELECT q.quantile::text AS quantile, percentile_cont(q.quantile) WITHIN GROUP (ORDER BY seconds) AS value
FROM ended, (VALUES (0.5::float8), (0.95::float8)) AS q (quantile)
GROUP BY q.quantile;
