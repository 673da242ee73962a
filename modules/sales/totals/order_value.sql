-- title: Value of orders
-- needs: sales
-- unit: money
SELECT concat_ws(' ', state, currency) AS of, sum(total) AS value
FROM sales.orders WHERE NOT of_probe GROUP BY state, currency;
