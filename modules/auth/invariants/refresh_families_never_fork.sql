-- title: A session never has two unspent refresh tokens
-- needs: auth
SELECT s.id AS session_id, count(r.id) FILTER (WHERE r.used_at IS NULL) AS unspent
FROM auth.sessions s
JOIN auth.refresh_tokens r ON r.session_id = s.id
WHERE s.revoked_at IS NULL AND s.expires_at > now()
GROUP BY s.id
HAVING count(r.id) FILTER (WHERE r.used_at IS NULL) > 1;
