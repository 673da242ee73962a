-- New customers that sales has heard of ten seconds later. Ids of events are made of the time.
SELECT date_trunc('minute', told.occurred_at + interval '10 seconds') AS minute,
       count(*) FILTER (WHERE heard.received_at <= told.occurred_at + interval '10 seconds') AS good,
       count(*) AS total
FROM crm.outbox AS told
LEFT JOIN sales.inbox AS heard ON heard.event_id = told.id AND heard.state = 'done'
WHERE told.id > (SELECT uuidv7($1::timestamptz - now() - interval '2 minutes'))
  AND told.id < (SELECT uuidv7($2::timestamptz - now() + interval '2 minutes'))
  AND told.occurred_at >= $1::timestamptz - interval '10 seconds'
  AND told.occurred_at < $2::timestamptz - interval '10 seconds'
  AND told.type = 'customer.created'
GROUP BY 1;
