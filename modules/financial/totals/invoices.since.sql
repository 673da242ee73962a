-- title: New invoices
-- needs: financial
-- unit: money
SELECT concat_ws(' ', state, currency) AS of, count(*) AS count, sum(total) AS amount
FROM financial.invoices WHERE created_at >= $1 GROUP BY state, currency;
