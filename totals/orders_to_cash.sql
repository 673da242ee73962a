-- title: Done orders and what was invoiced and paid for them
-- needs: sales, financial
-- unit: money
SELECT concat_ws(' ', 'orders', o.currency) AS of, sum(o.total) AS value
FROM sales.orders AS o WHERE o.state = 'done' AND NOT o.of_probe
GROUP BY o.currency
UNION ALL
SELECT concat_ws(' ', 'invoices', i.currency), sum(i.total)
FROM sales.orders AS o
JOIN financial.invoices AS i ON i.company_id = o.company_id AND i.order_id = o.id
WHERE o.state = 'done' AND NOT o.of_probe
GROUP BY i.currency
UNION ALL
SELECT concat_ws(' ', 'payments', p.currency), sum(p.amount)
FROM sales.orders AS o
JOIN financial.invoices AS i ON i.company_id = o.company_id AND i.order_id = o.id
JOIN financial.payments AS p ON p.invoice_id = i.id
WHERE o.state = 'done' AND NOT o.of_probe
GROUP BY p.currency;
