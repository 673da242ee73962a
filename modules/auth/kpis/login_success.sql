-- Of the sign-ins that were tried in the last hour, the share that got in.
SELECT 100.0 * count(*) FILTER (WHERE outcome = 'succeeded') / nullif(count(*), 0) AS value
FROM auth.login_attempts
WHERE created_at > now() - interval '1 hour' AND NOT synthetic;
