-- title: Every completed order has exactly one invoice, of the same total and currency
-- needs: sales, financial
SELECT orders.id AS order_id, orders.number, orders.total, invoice.invoices, invoice.total AS invoiced
  FROM sales.orders
  LEFT JOIN (SELECT company_id, order_id, count(*) AS invoices, sum(total) AS total, min(currency) AS currency
               FROM financial.invoices GROUP BY company_id, order_id) AS invoice
       ON invoice.company_id = orders.company_id AND invoice.order_id = orders.id
 WHERE orders.state = 'done'
   AND (invoice.invoices, invoice.total, invoice.currency)
       IS DISTINCT FROM (1, orders.total, orders.currency::text);
