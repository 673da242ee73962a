-- title: New payments
-- needs: financial
-- unit: money
SELECT concat_ws(' ', method, currency) AS of, count(*) AS count, sum(amount) AS amount
FROM financial.payments WHERE created_at >= $1 GROUP BY method, currency;
