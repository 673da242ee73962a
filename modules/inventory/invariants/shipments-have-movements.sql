-- title: What was shipped left the stock, what was returned came back, nothing else moved for a shipment
-- needs: inventory
WITH due AS (
    SELECT shipments.id AS shipment_id, shipments.warehouse_id, line.product_id,
           CASE WHEN shipments.shipped_at IS NOT NULL THEN line.quantity ELSE 0 END AS shipped,
           CASE WHEN shipments.state = 'returned' THEN line.quantity ELSE 0 END AS returned
      FROM inventory.shipments JOIN inventory.shipment_lines AS line ON line.shipment_id = shipments.id),
moved AS (
    SELECT document_id AS shipment_id, warehouse_id, product_id,
           coalesce(-sum(quantity) FILTER (WHERE kind = 'shipment'), 0) AS shipped,
           coalesce(sum(quantity) FILTER (WHERE kind = 'return'), 0) AS returned
      FROM inventory.movements WHERE kind IN ('shipment', 'return')
     GROUP BY document_id, warehouse_id, product_id)
SELECT shipment_id, product_id,
       due.shipped, moved.shipped AS moved_out, due.returned, moved.returned AS moved_in
  FROM due FULL JOIN moved USING (shipment_id, warehouse_id, product_id)
 WHERE (coalesce(due.shipped, -1), coalesce(due.returned, -1))
       IS DISTINCT FROM (coalesce(moved.shipped, 0), coalesce(moved.returned, 0));
