-- People who were invited and may still answer.
SELECT count(*) AS value FROM users.invitations WHERE state = 'pending' AND expires_at >= now();
