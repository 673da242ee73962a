"""Forgotten passwords: asked for by anyone, answered by mail to the owner, spent once."""

from datetime import timedelta
from uuid import UUID

from asyncpg import Record
from nexus_kit import SYNTHETIC_COMPANY, Tx, problem

from nexus_auth.chassis import hasher, module, policy
from nexus_auth.client import Client
from nexus_auth.hashing import require_strong
from nexus_auth.login import find_account
from nexus_auth.mail import mail
from nexus_auth.sessions import end_sessions
from nexus_auth.throttle import forgive
from nexus_auth.tokens import digest, fresh_token


async def request_reset(email: str, client: Client) -> None:
    """Note that somebody asks for a reset. The same single row for known and unknown e-mails."""
    async with module.db.system() as tx:
        await tx.execute(
            "INSERT INTO reset_requests (email, address) VALUES ($1, $2::text::inet)", email, client.address
        )
    module.wake("answer_resets")


@module.worker(every=5)
async def answer_resets() -> None:
    """Turn requests into tokens on their way to the owner; requests for unknown e-mails end here."""
    async with module.db.system() as tx:
        rows = await tx.fetch(
            "DELETE FROM reset_requests WHERE id IN"
            " (SELECT id FROM reset_requests ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING email"
        )
        accounts = [await find_account(tx, email) for email in sorted({row["email"] for row in rows})]
        for account in accounts:
            if account is not None and account["enabled"] and account["company_id"] != SYNTHETIC_COMPANY:
                await _issue(tx, account)
    if rows:
        module.wake("deliver_mail")


async def _issue(tx: Tx, account: Record) -> None:
    recent = await tx.fetchval(
        "SELECT count(*) FROM password_resets WHERE user_id = $1 AND created_at > now() - interval '1 hour'",
        account["user_id"],
    )
    if recent >= policy.resets_per_hour:
        return
    token = fresh_token()
    await tx.execute(
        "INSERT INTO password_resets (company_id, user_id, token_hash, expires_at)"
        " VALUES ($1, $2, $3, now() + $4)",
        account["company_id"],
        account["user_id"],
        digest(token),
        timedelta(seconds=policy.reset_ttl),
    )
    values = {"token": token, "name": account["name"] or "", "minutes": str(policy.reset_ttl // 60)}
    await mail.enqueue(tx, account["company_id"], account["email"], "password_reset", values)


async def reset_password(token: str, password: str) -> None:
    """Set a new password with a reset token; all sessions end. Raises problems 400 (token), 422 (weak)."""
    async with module.db.system(read_only=True) as tx:
        found = await tx.fetchrow(
            "SELECT r.user_id, r.company_id, c.email, c.name FROM password_resets r"
            " JOIN credentials c USING (user_id)"
            " WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > now() AND c.enabled",
            digest(token),
        )
    if found is None:
        raise _spent()
    require_strong(password, found["email"], found["name"])
    async with hasher:
        hashed = await hasher.hash(password)
    async with module.db.transaction(found["company_id"]) as tx:
        user_id = await tx.fetchval(
            "UPDATE password_resets SET used_at = now()"
            " WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now() RETURNING user_id",
            digest(token),
        )
        if user_id is None:
            raise _spent()
        await store_password(tx, user_id, hashed)
        await end_sessions(tx, user_id, "password_reset")
        await forgive(tx, found["email"])
        await mail.enqueue(
            tx, found["company_id"], found["email"], "password_changed", {"name": found["name"] or ""}
        )
    module.wake("deliver_mail")


async def store_password(tx: Tx, user_id: UUID, hashed: str) -> None:
    """Keep a new hash; every reset token still out there is void from now on."""
    await tx.execute(
        "UPDATE credentials SET password_hash = $2, password_changed_at = now(), updated_at = now()"
        " WHERE user_id = $1",
        user_id,
        hashed,
    )
    await tx.execute(
        "UPDATE password_resets SET used_at = now() WHERE user_id = $1 AND used_at IS NULL", user_id
    )


def _spent() -> Exception:
    return problem(
        400, "invalid-reset-token", "The link is unknown, expired or was used before: ask for a new one."
    )
