-- title: No role inherits from itself
-- needs: users
WITH RECURSIVE ancestry (role_id, ancestor_id) AS (
    SELECT role_id, parent_id FROM users.role_parents
    UNION
    SELECT a.role_id, p.parent_id FROM ancestry a JOIN users.role_parents p ON p.role_id = a.ancestor_id
)
SELECT role_id FROM ancestry WHERE role_id = ancestor_id;
