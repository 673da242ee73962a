-- Confirmed in the last hour and not cancelled since.
SELECT coalesce(sum(total), 0) AS value
FROM sales.orders
WHERE confirmed_at > now() - interval '1 hour' AND currency = 'BRL' AND state <> 'cancelled' AND NOT of_probe;
