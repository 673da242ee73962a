-- What an hour is worth: the mean of the last seven days, or of the time since the first order in them.
SELECT coalesce(
    sum(total) / greatest(1, extract(epoch FROM now() - min(confirmed_at)) / 3600), 0) AS value
FROM sales.orders
WHERE confirmed_at > now() - interval '7 days' AND currency = 'BRL' AND state <> 'cancelled' AND NOT of_probe;
