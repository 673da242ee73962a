-- title: Open receivables
-- needs: financial
-- unit: BRL
SELECT company_id::text AS of, sum(total) AS value
FROM financial.invoices WHERE state = 'posted' AND currency = 'BRL' GROUP BY company_id;
