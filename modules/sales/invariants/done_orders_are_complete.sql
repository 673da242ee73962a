-- title: A done order was confirmed, shipped, invoiced, paid and reconciled
-- needs: sales
SELECT company_id, id AS order_id, number, shipment_state, invoice_state
FROM sales.orders
WHERE state = 'done'
  AND (num_nulls(confirmed_at, shipped_at, invoiced_at, paid_at, reconciled_at, done_at) > 0
       OR shipment_state NOT IN ('shipped', 'returned')
       OR invoice_state NOT IN ('paid', 'reversed'));
