-- title: New orders
-- needs: sales
-- unit: BRL
SELECT state AS of, count(*) AS count, coalesce(sum(total) FILTER (WHERE currency = 'BRL'), 0) AS amount
FROM sales.orders WHERE created_at >= $1 AND NOT of_probe GROUP BY state;
