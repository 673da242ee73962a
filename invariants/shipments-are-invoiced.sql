-- title: What was shipped is invoiced within a minute
-- needs: inventory, financial
SELECT shipments.id AS shipment_id, shipments.order_id, shipments.shipped_at
  FROM inventory.shipments
  LEFT JOIN financial.invoices
       ON invoices.company_id = shipments.company_id AND invoices.order_id = shipments.order_id
 WHERE shipments.state = 'shipped' AND shipments.shipped_at < now() - interval '60 seconds'
   AND invoices.id IS NULL;
