-- title: Within a minute inventory has handled what sales told
-- needs: sales, inventory
SELECT told.id AS event_id, told.type, told.entity_id, told.occurred_at, heard.state, heard.error
  FROM sales.outbox AS told LEFT JOIN inventory.inbox AS heard ON heard.event_id = told.id
 WHERE told.type IN ('order.confirmed', 'order.backorder_requested', 'order.cancelled')
   AND told.occurred_at < now() - interval '60 seconds'
   AND heard.state IS DISTINCT FROM 'done';
