"""What happens by itself: invitations end in time, delivered mail is forgotten."""

from nexus_users.chassis import module
from nexus_users.invitations import close_overdue


@module.worker(every=15, leader=True)
async def expire_invitations() -> None:
    """Close invitations whose term has passed."""
    async with module.db.system() as tx:
        await close_overdue(tx)


@module.worker(every=3600, leader=True)
async def forget_mail() -> None:
    """Delete mail that was delivered or given up a month ago."""
    async with module.db.system() as tx:
        await tx.execute(
            "DELETE FROM outgoing_mail WHERE state <> 'pending' AND created_at < now() - interval '30 days'"
        )
