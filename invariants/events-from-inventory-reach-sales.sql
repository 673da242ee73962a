-- title: Within a minute sales has handled what inventory told
-- needs: inventory, sales
SELECT told.id AS event_id, told.type, told.entity_id, told.occurred_at, heard.state, heard.error
  FROM inventory.outbox AS told LEFT JOIN sales.inbox AS heard ON heard.event_id = told.id
 WHERE told.type IN ('product.created', 'product.updated', 'stock.reserved', 'stock.reservation_failed',
                                           'stock.released', 'shipment.shipped', 'shipment.failed',
                       'shipment.returned')
   AND told.occurred_at < now() - interval '60 seconds'
   AND heard.state IS DISTINCT FROM 'done';
