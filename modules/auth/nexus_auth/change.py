"""Changing one's own password."""

from uuid import UUID

from nexus_kit import SYNTHETIC_COMPANY, Principal, problem

from nexus_auth.chassis import hasher, module
from nexus_auth.client import Client
from nexus_auth.hashing import require_strong
from nexus_auth.mail import mail
from nexus_auth.resets import store_password
from nexus_auth.sessions import end_sessions
from nexus_auth.throttle import count_failure, forgive, seconds_locked, subjects


async def change_password(who: Principal, current: str, new: str, client: Client) -> None:
    """Replace the caller's password; all their other sessions end.

    Raises problems: 401 the current one is wrong, 403 the account is no person's, 422 the new one is weak,
    429 too many wrong ones.
    """
    if who.company_id == SYNTHETIC_COMPANY:
        raise problem(403, "not-a-person", "The password of a synthetic account is the platform's to choose.")
    async with module.db.read(who.company_id) as tx:
        account = await tx.fetchrow(
            "SELECT email, name, password_hash FROM credentials WHERE user_id = $1 AND enabled", who.user_id
        )
    if account is None:
        raise problem(404, "no-credential", "There is no sign-in for this user.")
    require_strong(new, account["email"], account["name"])
    if current == new:
        raise problem(422, "weak-password", "The new password is the current one.")
    await _verify(who.company_id, account["email"], account["password_hash"], current, client)
    async with hasher:
        hashed = await hasher.hash(new)
    async with module.db.transaction(who.company_id) as tx:
        await store_password(tx, who.user_id, hashed)
        await end_sessions(tx, who.user_id, "password_changed", keep=who.session_id)
        await forgive(tx, account["email"])
        await mail.enqueue(
            tx, who.company_id, account["email"], "password_changed", {"name": account["name"] or ""}
        )
    module.wake("deliver_mail")


async def _verify(company_id: UUID, email: str, stored: str | None, password: str, client: Client) -> None:
    names = subjects(email, client)
    async with hasher:
        async with module.db.transaction(company_id) as tx:
            wait = await seconds_locked(tx, names)
        fits = not wait and await hasher.verify(stored, password)
        if not wait and not fits:
            async with module.db.transaction(company_id) as tx:
                await count_failure(tx, names)
    if wait:
        raise problem(
            429,
            "too-many-attempts",
            f"Too many failed attempts: try again in {wait} s.",
            retry_after=wait,
            headers={"Retry-After": str(wait)},
        )
    if not fits:
        raise problem(401, "invalid-credentials", "The current password is wrong.")
