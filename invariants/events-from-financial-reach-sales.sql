-- title: Within a minute sales has handled what financial told
-- needs: financial, sales
SELECT told.id AS event_id, told.type, told.entity_id, told.occurred_at, heard.state, heard.error
  FROM financial.outbox AS told LEFT JOIN sales.inbox AS heard ON heard.event_id = told.id
 WHERE told.type IN ('invoice.posted', 'invoice.reversed', 'payment.received', 'payment.reconciled',
                       'payment.expired')
   AND told.occurred_at < now() - interval '60 seconds'
   AND heard.state IS DISTINCT FROM 'done';
