-- title: Exactly one key signs, exactly one waits, and no retired key keeps its private half
-- needs: auth
SELECT state, count(*) AS keys
FROM auth.signing_keys
GROUP BY state
HAVING (state IN ('active', 'next') AND count(*) <> 1)
    OR (state = 'retired' AND count(sealed_private) > 0);
