-- Orders that are paid, reconciled and closed a day after their confirmation, unless they were cancelled.
SELECT date_trunc('minute', confirmed_at + interval '1 day') AS minute,
       count(*) FILTER (WHERE done_at <= confirmed_at + interval '1 day') AS good,
       count(*) AS total
FROM sales.orders
WHERE confirmed_at >= $1::timestamptz - interval '1 day' AND confirmed_at < $2::timestamptz - interval '1 day'
  AND NOT synthetic AND state <> 'cancelled'
GROUP BY 1;
