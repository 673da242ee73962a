-- title: Payments received
-- needs: financial
-- unit: money
SELECT concat_ws(' ', method, currency) AS of, sum(amount) AS value
FROM financial.payments GROUP BY method, currency;
