-- Payments that the bank has settled a quarter of an hour after we heard of them. Ids are made of the time.
SELECT date_trunc('minute', created_at + interval '15 minutes') AS minute,
       count(*) FILTER (WHERE reconciled_at <= created_at + interval '15 minutes') AS good,
       count(*) AS total
FROM financial.payments
WHERE id > (SELECT uuidv7($1::timestamptz - now() - interval '20 minutes'))
  AND id < (SELECT uuidv7($2::timestamptz - now()))
  AND created_at >= $1::timestamptz - interval '15 minutes'
  AND created_at < $2::timestamptz - interval '15 minutes'
  AND method = 'pix'
GROUP BY 1;
