-- Orders with goods reserved for longer than a quarter of an hour and not shipped.
SELECT count(DISTINCT order_id) AS value
FROM inventory.reservations
WHERE state = 'active' AND order_id IS NOT NULL AND created_at < now() - interval '15 minutes';
