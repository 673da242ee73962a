-- Of the quotations of the last seven days, the share that was confirmed.
SELECT 100.0 * count(*) FILTER (WHERE confirmed_at IS NOT NULL) / nullif(count(*), 0) AS value
FROM sales.orders
WHERE created_at > now() - interval '7 days' AND state <> 'draft' AND NOT of_probe;
