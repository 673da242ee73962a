-- title: Open orders
-- needs: sales
-- unit: count
SELECT NULL AS of, count(*)::numeric AS value
FROM sales.orders WHERE state IN ('confirmed', 'processing') AND NOT of_probe;
