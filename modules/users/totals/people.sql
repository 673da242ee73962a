-- title: Companies and users
-- needs: users
-- unit: count
SELECT 'companies' AS of, count(*)::numeric AS value FROM users.companies
UNION ALL
SELECT 'users, ' || state, count(*) FROM users.users GROUP BY state;
