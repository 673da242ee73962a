-- Closes that are through ten minutes after they were started; one that the books refused is no event.
SELECT date_trunc('minute', created_at + interval '10 minutes') AS minute,
       count(*) FILTER (WHERE finished_at <= created_at + interval '10 minutes') AS good,
       count(*) AS total
FROM financial.closes
WHERE created_at >= $1::timestamptz - interval '10 minutes'
  AND created_at < $2::timestamptz - interval '10 minutes'
  AND state <> 'failed'
GROUP BY 1;
