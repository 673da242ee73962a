-- title: Every invoice's goods have left the warehouse
-- needs: financial, inventory
SELECT invoices.id AS invoice_id, invoices.number, invoices.order_id
  FROM financial.invoices
 WHERE NOT EXISTS (SELECT FROM inventory.shipments
                    WHERE shipments.order_id = invoices.order_id
                      AND shipments.company_id = invoices.company_id
                      AND shipments.shipped_at IS NOT NULL);
