-- title: Stock on hand and reserved
-- needs: inventory
-- unit: quantity
SELECT 'on hand' AS of, coalesce(sum(on_hand), 0) AS value FROM inventory.stock
UNION ALL
SELECT 'reserved', coalesce(sum(reserved), 0) FROM inventory.stock;
