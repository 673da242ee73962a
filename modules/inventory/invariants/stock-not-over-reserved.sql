-- title: No more is reserved than is on hand
-- needs: inventory
SELECT warehouse_id, product_id, on_hand, reserved
  FROM inventory.stock
 WHERE reserved > on_hand OR reserved < 0;
