-- title: Nobody who is disabled has a live session
-- needs: auth
SELECT c.user_id, s.id AS session_id
FROM auth.credentials c
JOIN auth.sessions s USING (user_id)
WHERE NOT c.enabled AND s.revoked_at IS NULL AND s.expires_at > now();
