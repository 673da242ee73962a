-- title: Within a minute sales has handled what crm told
-- needs: crm, sales
SELECT told.id AS event_id, told.type, told.entity_id, told.occurred_at, heard.state, heard.error
  FROM crm.outbox AS told LEFT JOIN sales.inbox AS heard ON heard.event_id = told.id
 WHERE told.type IN ('customer.created', 'customer.updated', 'customer.merged')
   AND told.occurred_at < now() - interval '60 seconds'
   AND heard.state IS DISTINCT FROM 'done';
