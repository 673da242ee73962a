"""Sessions: opened by a login, kept alive by refresh tokens, ended for a reason."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from asyncpg import Record
from nexus_kit import Tx

from nexus_auth.chassis import module, policy
from nexus_auth.client import Client
from nexus_auth.tokens import digest


async def open_session(tx: Tx, company_id: UUID, user_id: UUID, client: Client, refresh_token: str) -> UUID:
    """Open a session whose family begins with `refresh_token`. Returns its id."""
    session_id: UUID = await tx.fetchval(
        "WITH opened AS (INSERT INTO sessions (company_id, user_id, user_agent, address, expires_at)"
        " VALUES ($1, $2, $3, $4::text::inet, now() + $5) RETURNING id),"
        " first AS (INSERT INTO refresh_tokens (company_id, session_id, token_hash, expires_at)"
        " SELECT $1, id, $6, now() + $7 FROM opened) SELECT id FROM opened",
        company_id,
        user_id,
        client.user_agent.replace("\0", ""),
        client.address,
        timedelta(seconds=policy.session_ttl),
        digest(refresh_token),
        timedelta(seconds=policy.refresh_ttl),
    )
    return session_id


async def live_sessions(tx: Tx, user_id: UUID) -> list[Record]:
    """The user's sessions that can still be refreshed, newest first."""
    return await tx.fetch(
        "SELECT id, user_agent, host(address) AS address, created_at, last_used_at, expires_at FROM sessions"
        " WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()"
        " ORDER BY created_at DESC, id LIMIT 200",
        user_id,
    )


async def end_session(tx: Tx, session_id: UUID, reason: str, user_id: UUID | None = None) -> bool:
    """End one session (of `user_id` only, when given) and tell everyone. Returns whether it was live."""
    ended = await _end(tx, reason, "id = $2 AND ($3::uuid IS NULL OR user_id = $3)", session_id, user_id)
    return ended > 0


async def end_sessions(tx: Tx, user_id: UUID, reason: str, keep: UUID | None = None) -> int:
    """End all sessions of a user but `keep`. Returns how many were live."""
    return await _end(tx, reason, "user_id = $2 AND ($3::uuid IS NULL OR id <> $3)", user_id, keep)


async def _end(tx: Tx, reason: str, which: str, first: UUID, second: UUID | None) -> int:
    rows = await tx.fetch(
        "UPDATE sessions SET revoked_at = now(), revoked_reason = $1"
        f" WHERE revoked_at IS NULL AND {which} RETURNING id, user_id,"
        " now() + make_interval(secs => $4) AS forget_at",
        reason,
        first,
        second,
        policy.access_ttl,
    )
    for row in rows:
        await tx.publish(
            "session.revoked",
            row["id"],
            {
                "session_id": str(row["id"]),
                "user_id": str(row["user_id"]),
                "expires_at": row["forget_at"].isoformat(),
            },
        )
        tx.after_commit(partial(module.revoked.add, row["id"], policy.access_ttl))
    return len(rows)
