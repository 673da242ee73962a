-- title: Orders
-- needs: sales
-- unit: count
SELECT state AS of, count(*)::numeric AS value FROM sales.orders WHERE NOT of_probe GROUP BY state;
