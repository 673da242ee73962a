-- Customers since midnight in São Paulo.
SELECT count(*) AS value
FROM crm.customers
WHERE created_at >= date_trunc('day', now(), 'America/Sao_Paulo') AND status <> 'merged';
