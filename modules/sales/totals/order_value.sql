-- title: Value of orders
-- needs: sales
-- unit: BRL
SELECT state AS of, sum(total) AS value
FROM sales.orders WHERE currency = 'BRL' AND NOT of_probe GROUP BY state;
