"""Refreshing: a refresh token is spent for its successor; a token spent twice betrays a theft."""

from datetime import timedelta
from uuid import UUID

from asyncpg import Record
from nexus_kit import Tx, problem

from nexus_auth.chassis import mint, module, policy, refresh_secret
from nexus_auth.client import Client
from nexus_auth.login import Granted
from nexus_auth.sessions import end_session
from nexus_auth.tokens import digest, successor

FIND = """
SELECT r.id, r.session_id, r.used_at IS NOT NULL AS spent, r.used_by, r.expires_at <= now() AS expired,
       r.used_at > now() - $2::interval AS in_grace,
       c.token_hash AS child_hash, c.used_at IS NOT NULL AS child_spent
FROM refresh_tokens r LEFT JOIN refresh_tokens c ON c.parent_id = r.id
WHERE r.token_hash = $1
"""
TOUCH = """
UPDATE sessions s SET last_used_at = now() FROM credentials c
WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > now() AND c.user_id = s.user_id AND c.enabled
RETURNING s.id, s.user_id, s.company_id, c.email, c.name, c.permissions
"""


async def refresh(token: str, client: Client) -> Granted:
    """Spend a refresh token. Raises a 401 problem; a reuse ends the whole session first.

    Within the grace the same client may present the same token again (two tabs, a lost answer) and gets the
    same successor, as long as that one is unspent.
    """
    company_id = await _company_of(token)
    if company_id is None:
        raise _refused()
    async with module.db.transaction(company_id) as tx:
        # The session's lock serialises all refreshes of the family.
        owner = await tx.fetchrow(
            "SELECT session_id FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id"
            " WHERE r.token_hash = $1 FOR UPDATE OF s",
            digest(token),
        )
        row = (
            await tx.fetchrow(FIND, digest(token), timedelta(seconds=policy.refresh_grace)) if owner else None
        )
        if row is None or row["expired"]:
            raise _refused()
        follower = successor(token, refresh_secret)
        if not row["spent"] or _is_race(row, follower, client):
            return await _grant(tx, row, follower, client)
        await end_session(tx, row["session_id"], "refresh_reuse")
    raise problem(
        401,
        "refresh-token-reused",
        "This refresh token was used before: the session has ended. Sign in again.",
    )


async def _company_of(token: str) -> UUID | None:
    async with module.db.system(read_only=True) as tx:
        company_id: UUID | None = await tx.fetchval(
            "SELECT company_id FROM refresh_tokens WHERE token_hash = $1", digest(token)
        )
        return company_id


def _is_race(row: Record, follower: str, client: Client) -> bool:
    return bool(
        row["in_grace"]
        and row["used_by"] == client.fingerprint
        and row["child_hash"] == digest(follower)
        and not row["child_spent"]
    )


async def _grant(tx: Tx, row: Record, follower: str, client: Client) -> Granted:
    session = await tx.fetchrow(TOUCH, row["session_id"])
    if session is None:
        raise _refused()
    if not row["spent"]:
        await tx.execute(
            "WITH spent AS (UPDATE refresh_tokens SET used_at = now(), used_by = $2 WHERE id = $1)"
            " INSERT INTO refresh_tokens (company_id, session_id, token_hash, parent_id, expires_at)"
            " VALUES ($3, $4, $5, $1, now() + $6)",
            row["id"],
            client.fingerprint,
            session["company_id"],
            session["id"],
            digest(follower),
            timedelta(seconds=policy.refresh_ttl),
        )
    access_token = await mint.for_user(
        tx,
        user_id=session["user_id"],
        company_id=session["company_id"],
        session_id=session["id"],
        email=session["email"],
        permissions=session["permissions"],
    )
    return Granted(
        access_token,
        follower,
        session["user_id"],
        session["company_id"],
        session["email"],
        session["name"],
        session["permissions"],
    )


def _refused() -> Exception:
    return problem(
        401, "invalid-refresh-token", "The refresh token is unknown, expired or revoked. Sign in again."
    )
