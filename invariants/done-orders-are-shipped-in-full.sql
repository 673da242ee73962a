-- title: Every completed order was shipped in full: no more, no less
-- needs: sales, inventory
WITH ordered AS (
    SELECT line.company_id, line.order_id, line.product_id, sum(line.quantity) AS quantity
      FROM sales.order_lines AS line
      JOIN sales.orders ON orders.company_id = line.company_id AND orders.id = line.order_id
     WHERE orders.state = 'done'
     GROUP BY line.company_id, line.order_id, line.product_id),
shipped AS (
    SELECT shipments.company_id, shipments.order_id, line.product_id, sum(line.quantity) AS quantity
      FROM inventory.shipments JOIN inventory.shipment_lines AS line ON line.shipment_id = shipments.id
      JOIN sales.orders ON orders.company_id = shipments.company_id AND orders.id = shipments.order_id
     WHERE shipments.shipped_at IS NOT NULL AND orders.state = 'done'
     GROUP BY shipments.company_id, shipments.order_id, line.product_id)
SELECT order_id, product_id, ordered.quantity AS ordered, shipped.quantity AS shipped
  FROM ordered FULL JOIN shipped USING (company_id, order_id, product_id)
 WHERE ordered.quantity IS DISTINCT FROM shipped.quantity;
