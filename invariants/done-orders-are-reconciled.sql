-- title: The payment of every completed order is in the bank: settled and reconciled
-- needs: sales, financial
SELECT orders.id AS order_id, orders.number, orders.total
  FROM sales.orders
 WHERE orders.state = 'done' AND orders.total > 0
   AND NOT EXISTS (SELECT FROM financial.payments JOIN financial.invoices ON invoices.id = payments.invoice_id
                    WHERE invoices.company_id = orders.company_id AND invoices.order_id = orders.id
                      AND payments.reconciled_at IS NOT NULL);
