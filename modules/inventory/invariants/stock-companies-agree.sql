-- title: Stock and all that moves or holds it belong to the company of the product and warehouse
-- needs: inventory
SELECT 'stock' AS kind, stock.product_id AS id, stock.company_id
  FROM inventory.stock
  LEFT JOIN inventory.products ON products.id = stock.product_id AND products.company_id = stock.company_id
  LEFT JOIN inventory.warehouses
       ON warehouses.id = stock.warehouse_id AND warehouses.company_id = stock.company_id
 WHERE products.id IS NULL OR warehouses.id IS NULL
UNION ALL
SELECT 'movement', movements.id, movements.company_id
  FROM inventory.movements
  LEFT JOIN inventory.stock ON stock.product_id = movements.product_id
       AND stock.warehouse_id = movements.warehouse_id AND stock.company_id = movements.company_id
 WHERE stock.product_id IS NULL
UNION ALL
SELECT 'reservation', reservations.id, reservations.company_id
  FROM inventory.reservations
  LEFT JOIN inventory.stock ON stock.product_id = reservations.product_id
       AND stock.warehouse_id = reservations.warehouse_id AND stock.company_id = reservations.company_id
 WHERE stock.product_id IS NULL
UNION ALL
SELECT 'shipment line', line.shipment_id, line.company_id
  FROM inventory.shipment_lines AS line
  LEFT JOIN inventory.shipments ON shipments.id = line.shipment_id AND shipments.company_id = line.company_id
 WHERE shipments.id IS NULL
UNION ALL
SELECT 'shipment', shipments.id, shipments.company_id
  FROM inventory.shipments
  LEFT JOIN inventory.demands ON demands.order_id = shipments.order_id
       AND demands.company_id = shipments.company_id
 WHERE demands.order_id IS NULL;
