"""The module's own question: do people get in?"""

from nexus_kit import BusinessHealth, Tx

from nexus_auth.chassis import module, policy

NUMBERS = """
SELECT count(*) FILTER (WHERE outcome = 'succeeded') AS succeeded, count(*) AS attempts,
    (SELECT count(*) FROM outgoing_mail WHERE state = 'failed' AND created_at > now() - interval '1 day'
        OR state = 'pending' AND created_at < now() - interval '5 minutes') AS mail_stuck,
    (SELECT count(*) FROM sessions
        WHERE revoked_at IS NULL AND expires_at > now() AND NOT synthetic) AS sessions,
    (SELECT count(*) FROM login_throttles WHERE locked_until > now()) AS locked
FROM login_attempts WHERE created_at > now() - interval '15 minutes' AND NOT synthetic
"""


@module.business
async def people_get_in(tx: Tx) -> BusinessHealth:
    """Logins of the last 15 minutes; their success ratio counts only from a minimum number on."""
    row = await tx.fetchrow(NUMBERS)
    assert row is not None
    attempts, succeeded = row["attempts"], row["succeeded"]
    ratio = succeeded / attempts if attempts else 1.0
    enough = attempts >= policy.health_min_logins
    return BusinessHealth(
        {
            "logins_15m": attempts,
            "login_success_ratio": round(ratio, 4),
            "logins_failing": int(enough and ratio * 100 < policy.health_min_percent),
            "mail_stuck": row["mail_stuck"],
            "sessions_live": row["sessions"],
            "subjects_locked": row["locked"],
        },
        bad=("logins_failing", "mail_stuck"),
    )
