-- title: The ledger's cost of each invoiced shipment is what left the stock
-- needs: inventory, financial
WITH shipped AS (
    SELECT shipments.company_id, shipments.order_id, sum(round(line.quantity * line.unit_cost, 2)) AS cost
      FROM inventory.shipments JOIN inventory.shipment_lines AS line ON line.shipment_id = shipments.id
     WHERE shipments.state = 'shipped'
     GROUP BY shipments.company_id, shipments.order_id)
SELECT shipped.order_id, shipped.cost AS stock, entries.total AS ledger
  FROM shipped
  JOIN financial.invoices
       ON invoices.company_id = shipped.company_id AND invoices.order_id = shipped.order_id
  LEFT JOIN financial.entries
       ON entries.source_id = shipped.order_id AND entries.kind = 'cost' AND entries.state = 'posted'
      AND entries.company_id = shipped.company_id
 WHERE invoices.state <> 'reversed' AND coalesce(entries.total, 0) <> shipped.cost;
