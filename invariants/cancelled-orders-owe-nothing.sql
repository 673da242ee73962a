-- title: A minute after its cancellation an order has no invoice in force and no charge to pay
-- needs: sales, financial
WITH cancelled AS (
    SELECT company_id, id, number FROM sales.orders
     WHERE state = 'cancelled' AND cancelled_at < now() - interval '60 seconds')
SELECT cancelled.id AS order_id, cancelled.number, 'invoice' AS open, invoices.id::text AS open_id
  FROM cancelled JOIN financial.invoices
       ON invoices.company_id = cancelled.company_id AND invoices.order_id = cancelled.id
 WHERE invoices.state <> 'reversed'
UNION ALL
SELECT cancelled.id, cancelled.number, 'charge', charges.txid
  FROM cancelled JOIN financial.charges
       ON charges.company_id = cancelled.company_id AND charges.order_id = cancelled.id
 WHERE charges.state IN ('requested', 'active');
