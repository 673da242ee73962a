-- title: State, shipment, invoice and exception of an order go together
-- needs: sales
SELECT company_id, id AS order_id, number, state, shipment_state, invoice_state, exception
FROM sales.orders
WHERE (state IN ('draft', 'quotation')
       AND (shipment_state <> 'none' OR invoice_state <> 'none' OR confirmed_at IS NOT NULL))
   OR (state = 'confirmed'
       AND num_nonnulls(reserved_at, shipped_at, invoiced_at, paid_at, reconciled_at) > 0)
   OR (state = 'processing'
       AND num_nonnulls(reserved_at, shipped_at, invoiced_at, paid_at, reconciled_at) = 0)
   OR (state = 'processing' AND shipment_state = 'shipped' AND invoice_state = 'paid'
       AND num_nulls(shipped_at, invoiced_at, paid_at, reconciled_at) = 0)
   OR (state = 'cancelled') <> (cancelled_at IS NOT NULL)
   OR (state = 'done') <> (done_at IS NOT NULL)
   OR (state = 'cancelled' AND confirmed_at IS NULL
       AND (shipment_state <> 'none' OR invoice_state <> 'none'))
   OR (invoice_state = 'paid' AND paid_at IS NULL)
   OR (invoice_state = 'posted' AND invoiced_at IS NULL)
   OR (shipment_state = 'shipped' AND shipped_at IS NULL)
   OR (exception IS NOT NULL AND state NOT IN ('confirmed', 'processing'));
