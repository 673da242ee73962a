-- title: A minute after its cancellation an order holds no stock and waits for none
-- needs: sales, inventory
WITH cancelled AS (
    SELECT company_id, id, number FROM sales.orders
     WHERE state = 'cancelled' AND cancelled_at < now() - interval '60 seconds')
SELECT cancelled.id AS order_id, cancelled.number, 'reservation' AS held, reservations.id AS held_id
  FROM cancelled JOIN inventory.reservations
       ON reservations.company_id = cancelled.company_id AND reservations.order_id = cancelled.id
 WHERE reservations.state = 'active'
UNION ALL
SELECT cancelled.id, cancelled.number, 'shipment', shipments.id
  FROM cancelled JOIN inventory.shipments
       ON shipments.company_id = cancelled.company_id AND shipments.order_id = cancelled.id
 WHERE shipments.state IN ('ready', 'shipped')
UNION ALL
SELECT cancelled.id, cancelled.number, 'back-order', demands.order_id
  FROM cancelled JOIN inventory.demands
       ON demands.company_id = cancelled.company_id AND demands.order_id = cancelled.id
 WHERE demands.state IN ('waiting', 'reserved', 'shipped');
