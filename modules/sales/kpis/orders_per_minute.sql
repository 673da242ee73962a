-- Confirmed in the last five minutes, per minute.
SELECT count(*) / 5.0 AS value
FROM sales.orders
WHERE confirmed_at > now() - interval '5 minutes' AND NOT of_probe;
