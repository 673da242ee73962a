-- title: What inventory believes of an order is what its shipments say
-- needs: inventory
SELECT demands.order_id, demands.state AS demand, live.state AS shipment
  FROM inventory.demands
  FULL JOIN (SELECT order_id, state FROM inventory.shipments WHERE state IN ('ready', 'shipped')) AS live
       USING (order_id)
 WHERE live.state IS DISTINCT FROM
       CASE demands.state WHEN 'reserved' THEN 'ready' WHEN 'shipped' THEN 'shipped' END
    OR (demands.state IN ('short', 'waiting', 'failed')
        AND NOT EXISTS (SELECT FROM inventory.demand_lines AS line WHERE line.order_id = demands.order_id));
