-- Open invoices past their due date, by the books' day.
SELECT count(*) AS value
FROM financial.invoices AS i
WHERE i.state = 'posted' AND i.due_date < (now() AT TIME ZONE 'America/Sao_Paulo')::date;
