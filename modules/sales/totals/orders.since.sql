-- title: New orders
-- needs: sales
-- unit: money
SELECT concat_ws(' ', state, currency) AS of, count(*) AS count, sum(total) AS amount
FROM sales.orders WHERE created_at >= $1 AND NOT of_probe GROUP BY state, currency;
