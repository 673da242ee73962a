-- title: Every order that counts as paid has exactly one payment applied to it, of its total
-- needs: sales, financial
SELECT orders.id AS order_id, orders.number, orders.total, applied.payments, applied.amount
  FROM sales.orders
  LEFT JOIN (SELECT invoices.company_id, invoices.order_id,
                    count(*) AS payments, sum(payments.amount) AS amount
               FROM financial.payments JOIN financial.invoices ON invoices.id = payments.invoice_id
              GROUP BY invoices.company_id, invoices.order_id) AS applied
       ON applied.company_id = orders.company_id AND applied.order_id = orders.id
 WHERE orders.total > 0
   AND (orders.paid_at IS NOT NULL AND applied.payments IS DISTINCT FROM 1
        OR applied.payments > 1
        OR applied.amount <> orders.total);
