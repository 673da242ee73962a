-- title: Exactly one key signs and exactly one waits to follow it
-- needs: auth
SELECT wanted.state, count(k.kid) AS keys
FROM (VALUES ('active'), ('next')) AS wanted (state)
LEFT JOIN auth.signing_keys k ON k.state = wanted.state
GROUP BY wanted.state
HAVING count(k.kid) <> 1;
