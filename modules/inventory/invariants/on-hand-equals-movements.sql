-- title: On-hand stock is the sum of its movements and never negative
-- needs: inventory
WITH moved AS (
    SELECT warehouse_id, product_id, sum(quantity) AS quantity
      FROM inventory.movements GROUP BY warehouse_id, product_id)
SELECT warehouse_id, product_id, stock.on_hand, coalesce(moved.quantity, 0) AS moved
  FROM inventory.stock FULL JOIN moved USING (warehouse_id, product_id)
 WHERE stock.on_hand IS DISTINCT FROM coalesce(moved.quantity, 0) OR stock.on_hand < 0;
