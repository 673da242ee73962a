-- What open invoices past their due date are worth, by the books' day.
SELECT coalesce(sum(i.total), 0) AS value
FROM financial.invoices AS i
WHERE i.state = 'posted' AND i.due_date < (now() AT TIME ZONE 'America/Sao_Paulo')::date AND i.currency = 'BRL';
