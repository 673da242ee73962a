-- title: Accounts that can sign in
-- needs: auth
-- unit: count
SELECT CASE WHEN enabled THEN 'enabled' ELSE 'disabled' END AS of, count(*)::numeric AS value
FROM auth.credentials GROUP BY enabled;
