-- title: New payments
-- needs: financial
-- unit: BRL
SELECT method AS of, count(*) AS count, coalesce(sum(amount) FILTER (WHERE currency = 'BRL'), 0) AS amount
FROM financial.payments WHERE created_at >= $1 GROUP BY method;
