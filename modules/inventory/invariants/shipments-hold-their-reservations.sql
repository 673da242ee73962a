-- title: A ready shipment holds exactly its stock, one that left has used it, others hold none
-- needs: inventory
WITH held AS (
    SELECT shipment_id, product_id, warehouse_id,
           coalesce(sum(quantity) FILTER (WHERE state = 'active'), 0) AS active,
           coalesce(sum(quantity) FILTER (WHERE state = 'consumed'), 0) AS consumed
      FROM inventory.reservations WHERE shipment_id IS NOT NULL
     GROUP BY shipment_id, product_id, warehouse_id),
due AS (
    SELECT shipments.id AS shipment_id, line.product_id, shipments.warehouse_id, shipments.state,
           CASE WHEN shipments.state = 'ready' THEN line.quantity ELSE 0 END AS active,
           CASE WHEN shipments.state IN ('shipped', 'returned') THEN line.quantity ELSE 0 END AS consumed
      FROM inventory.shipments JOIN inventory.shipment_lines AS line ON line.shipment_id = shipments.id)
SELECT shipment_id, product_id, due.state, due.active AS due_active, held.active,
       due.consumed AS due_consumed, held.consumed
  FROM due FULL JOIN held USING (shipment_id, product_id, warehouse_id)
 WHERE (due.active, due.consumed) IS DISTINCT FROM (coalesce(held.active, 0), coalesce(held.consumed, 0));
