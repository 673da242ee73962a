-- Leads of the last 90 days that nobody has won or lost yet.
SELECT s.status, count(l.id) AS value
FROM (VALUES ('new'), ('qualified')) AS s (status)
LEFT JOIN crm.leads AS l ON l.status = s.status AND l.created_at > now() - interval '90 days'
GROUP BY s.status;
