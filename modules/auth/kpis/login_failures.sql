-- Sign-ins that were refused in the last hour, by reason.
SELECT r.reason, count(a.outcome) AS value
FROM (VALUES ('wrong_password'), ('unknown_account'), ('no_password'), ('disabled'), ('locked')) AS r (reason)
LEFT JOIN auth.login_attempts AS a
     ON a.outcome = r.reason AND a.created_at > now() - interval '1 hour' AND NOT a.synthetic
GROUP BY r.reason;
