-- How long the oldest open invitation has waited.
SELECT coalesce(extract(epoch FROM now() - min(created_at)) / 3600, 0) AS value
FROM users.invitations
WHERE state = 'pending';
