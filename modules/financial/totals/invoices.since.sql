-- title: New invoices
-- needs: financial
-- unit: BRL
SELECT state AS of, count(*) AS count, coalesce(sum(total) FILTER (WHERE currency = 'BRL'), 0) AS amount
FROM financial.invoices WHERE created_at >= $1 GROUP BY state;
