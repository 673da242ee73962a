"""The module's own question: does everyone who was invited get an answer in time?"""

from nexus_kit import BusinessHealth, Tx

from nexus_users.chassis import module

NUMBERS = """
SELECT count(*) FILTER (WHERE expires_at >= now()) AS pending,
    count(*) FILTER (WHERE expires_at < now() - interval '1 minute') AS past_term,
    (SELECT count(*) FROM outgoing_mail WHERE state = 'failed' AND created_at > now() - interval '1 day'
        OR state = 'pending' AND created_at < now() - interval '5 minutes') AS mail_stuck,
    (SELECT count(*) FROM users WHERE state = 'active' AND NOT synthetic) AS users_active
FROM invitations WHERE state = 'pending'
"""


@module.business
async def invitations_in_time(tx: Tx) -> BusinessHealth:
    """Pending invitations past their term should have been closed by the worker within a minute."""
    row = await tx.fetchrow(NUMBERS)
    return BusinessHealth(
        {
            "invitations_pending": row["pending"],
            "invitations_past_term": row["past_term"],
            "mail_stuck": row["mail_stuck"],
            "users_active": row["users_active"],
        },
        bad=("invitations_past_term", "mail_stuck"),
    )
