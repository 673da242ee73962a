-- title: Open receivables
-- needs: financial
-- unit: money
SELECT concat_ws(' ', company_id, currency) AS of, sum(total) AS value
FROM financial.invoices WHERE state = 'posted' GROUP BY company_id, currency;
