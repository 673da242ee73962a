-- title: Invoices
-- needs: financial
-- unit: count
SELECT state AS of, count(*)::numeric AS value FROM financial.invoices GROUP BY state;
