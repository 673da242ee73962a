-- title: Within a minute auth has handled what users told
-- needs: users, auth
SELECT told.id AS event_id, told.type, told.entity_id, told.occurred_at, heard.state, heard.error
  FROM users.outbox AS told LEFT JOIN auth.inbox AS heard ON heard.event_id = told.id
 WHERE told.type IN ('user.created', 'user.updated', 'user.permissions_changed', 'user.disabled',
                       'user.enabled')
   AND told.occurred_at < now() - interval '60 seconds'
   AND heard.state IS DISTINCT FROM 'done';
