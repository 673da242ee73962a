-- title: Done orders and what was invoiced and paid for them
-- needs: sales, financial
-- unit: BRL
SELECT 'orders' AS of, coalesce(sum(o.total), 0) AS value
FROM sales.orders AS o WHERE o.state = 'done' AND o.currency = 'BRL' AND NOT o.of_probe
UNION ALL
SELECT 'invoices', coalesce(sum(i.total), 0)
FROM sales.orders AS o
JOIN financial.invoices AS i ON i.company_id = o.company_id AND i.order_id = o.id
WHERE o.state = 'done' AND o.currency = 'BRL' AND NOT o.of_probe
UNION ALL
SELECT 'payments', coalesce(sum(p.amount), 0)
FROM sales.orders AS o
JOIN financial.invoices AS i ON i.company_id = o.company_id AND i.order_id = o.id
JOIN financial.payments AS p ON p.invoice_id = i.id
WHERE o.state = 'done' AND o.currency = 'BRL' AND NOT o.of_probe;
