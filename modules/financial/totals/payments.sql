-- title: Payments received
-- needs: financial
-- unit: BRL
SELECT method AS of, sum(amount) AS value FROM financial.payments WHERE currency = 'BRL' GROUP BY method;
