"""What happens by itself: keys made and rotated in time, what is no longer needed forgotten."""

from datetime import timedelta

from nexus_auth.chassis import module, policy, ring

FORGET = (
    "DELETE FROM sessions WHERE expires_at < now() - interval '30 days'",
    "DELETE FROM sessions WHERE synthetic AND created_at < now() - interval '1 day'",
    "DELETE FROM login_attempts WHERE synthetic AND created_at < now() - interval '1 day'",
    "DELETE FROM refresh_tokens WHERE expires_at < now() - interval '1 day'",
    "DELETE FROM login_throttles WHERE last_failure_at < now() - interval '2 days'",
    "DELETE FROM password_resets WHERE created_at < now() - interval '30 days'",
    "DELETE FROM outgoing_mail WHERE state <> 'pending' AND created_at < now() - interval '30 days'",
    "DELETE FROM signing_keys WHERE verify_until < now() - interval '30 days'",
)


@module.worker(every=300, leader=True)
async def keep_keys() -> None:
    """Make the first keys; let the next key take over when the active one is old."""
    async with module.db.system() as tx:
        await ring.ensure(tx)
        if await ring.due(tx):
            await ring.rotate(tx)


@module.worker(every=3600, leader=True)
async def forget() -> None:
    """Delete what has outlived its purpose."""
    async with module.db.system() as tx:
        for statement in FORGET:
            await tx.execute(statement)
        await tx.execute(
            "DELETE FROM login_attempts WHERE created_at < now() - $1::interval",
            timedelta(seconds=policy.attempts_kept),
        )
