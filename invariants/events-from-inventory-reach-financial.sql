-- title: Within a minute financial has handled what inventory told
-- needs: inventory, financial
SELECT told.id AS event_id, told.type, told.entity_id, told.occurred_at, heard.state, heard.error
  FROM inventory.outbox AS told LEFT JOIN financial.inbox AS heard ON heard.event_id = told.id
 WHERE told.type IN ('shipment.shipped', 'shipment.returned')
   AND told.occurred_at < now() - interval '60 seconds'
   AND heard.state IS DISTINCT FROM 'done';
