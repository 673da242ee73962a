-- title: Shipments have lines, and times that fit their state
-- needs: inventory
SELECT id AS shipment_id, state, shipped_at, closed_at
  FROM inventory.shipments
 WHERE (shipped_at IS NOT NULL) <> (state IN ('shipped', 'returned'))
    OR (closed_at IS NOT NULL) <> (state IN ('failed', 'returned', 'cancelled'))
    OR NOT EXISTS (SELECT FROM inventory.shipment_lines AS line WHERE line.shipment_id = shipments.id);
