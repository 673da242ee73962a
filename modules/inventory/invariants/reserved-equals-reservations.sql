-- title: Reserved stock is the sum of active reservations
-- needs: inventory
WITH promised AS (
    SELECT warehouse_id, product_id, sum(quantity) AS quantity
      FROM inventory.reservations WHERE state = 'active' GROUP BY warehouse_id, product_id)
SELECT warehouse_id, product_id, stock.reserved, coalesce(promised.quantity, 0) AS promised
  FROM inventory.stock FULL JOIN promised USING (warehouse_id, product_id)
 WHERE stock.reserved IS DISTINCT FROM coalesce(promised.quantity, 0);
