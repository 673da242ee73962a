-- Confirmed orders that sales knows to be invoiced a minute later. Those that are undone, or wait for a person or
-- for goods, are left out.
SELECT date_trunc('minute', confirmed_at + interval '1 minute') AS minute,
       count(*) FILTER (WHERE invoiced_at <= confirmed_at + interval '1 minute') AS good,
       count(*) AS total
FROM sales.orders
WHERE confirmed_at >= $1::timestamptz - interval '1 minute' AND confirmed_at < $2::timestamptz - interval '1 minute'
  AND NOT synthetic
  AND (invoiced_at IS NOT NULL
       OR (state <> 'cancelled' AND exception IS NULL AND shipment_state NOT IN ('reserved', 'backorder')))
GROUP BY 1;
