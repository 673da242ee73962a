-- People who may sign in.
SELECT count(*) AS value FROM users.users WHERE state = 'active' AND NOT synthetic;
