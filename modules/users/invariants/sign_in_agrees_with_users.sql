-- title: Sign-in knows each person's address, state and permissions as the users module does
-- needs: users, auth
-- Changes of the last minute may still be on their way.
WITH RECURSIVE ancestry (role_id, ancestor_id) AS (
    SELECT id, id FROM users.roles
    UNION
    SELECT a.role_id, p.parent_id FROM ancestry a JOIN users.role_parents p ON p.role_id = a.ancestor_id
), effective AS (
    SELECT u.id, coalesce(array_agg(DISTINCT p ORDER BY p) FILTER (WHERE p IS NOT NULL), '{}') AS permissions
    FROM users.users u
    LEFT JOIN users.user_roles ur ON ur.user_id = u.id
    LEFT JOIN ancestry a ON a.role_id = ur.role_id
    LEFT JOIN users.roles r ON r.id = a.ancestor_id
    LEFT JOIN LATERAL unnest(r.permissions) p ON true
    GROUP BY u.id
)
SELECT u.id AS user_id, u.email, c.email AS signs_in_as, u.state, c.enabled
FROM users.users u
JOIN effective e USING (id)
JOIN auth.credentials c ON c.user_id = u.id
WHERE u.updated_at < now() - interval '1 minute'
    AND (
        u.email <> c.email OR u.company_id <> c.company_id OR (u.state = 'active') <> c.enabled
        OR e.permissions <> (SELECT coalesce(array_agg(p ORDER BY p), '{}') FROM unnest(c.permissions) p)
    );
