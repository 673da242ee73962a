-- title: Every company with active users has an active administrator
-- needs: users
WITH RECURSIVE ancestry (role_id, ancestor_id) AS (
    SELECT id, id FROM users.roles
    UNION
    SELECT a.role_id, p.parent_id FROM ancestry a JOIN users.role_parents p ON p.role_id = a.ancestor_id
), admins AS (
    SELECT DISTINCT u.company_id
    FROM users.users u
    JOIN users.user_roles ur ON ur.user_id = u.id
    JOIN ancestry a ON a.role_id = ur.role_id
    JOIN users.roles r ON r.id = a.ancestor_id
    WHERE u.state = 'active' AND '*' = ANY (r.permissions)
)
SELECT c.company_id, c.name
FROM users.companies c
WHERE NOT c.synthetic
    AND EXISTS (SELECT FROM users.users u WHERE u.company_id = c.company_id AND u.state = 'active')
    AND NOT EXISTS (SELECT FROM admins a WHERE a.company_id = c.company_id);
