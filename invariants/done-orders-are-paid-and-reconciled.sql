-- title: Every completed order has exactly one payment of its total, reconciled
-- needs: sales, financial
SELECT orders.id AS order_id, orders.number, orders.total, paid.payments, paid.amount, paid.reconciled
  FROM sales.orders
  LEFT JOIN (SELECT invoices.company_id, invoices.order_id, count(*) AS payments, sum(payments.amount) AS amount,
                    bool_and(payments.reconciled_at IS NOT NULL) AS reconciled
               FROM financial.payments JOIN financial.invoices ON invoices.id = payments.invoice_id
              GROUP BY invoices.company_id, invoices.order_id) AS paid
       ON paid.company_id = orders.company_id AND paid.order_id = orders.id
 WHERE orders.state = 'done' AND orders.total > 0
   AND (paid.payments, paid.amount, paid.reconciled) IS DISTINCT FROM (1, orders.total, true);
