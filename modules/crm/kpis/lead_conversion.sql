-- Of the leads of the last 30 days, the share that became customers.
SELECT 100.0 * count(*) FILTER (WHERE status = 'converted') / nullif(count(*), 0) AS value
FROM crm.leads
WHERE created_at > now() - interval '30 days';
