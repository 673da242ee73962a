-- Sessions that can be used now.
SELECT count(*) AS value FROM auth.sessions WHERE expires_at > now() AND revoked_at IS NULL AND NOT synthetic;
