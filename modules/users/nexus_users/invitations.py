"""Invitations: the way into a company. The token is kept as a hash, ends after its term and is spent once."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record, UniqueViolationError
from nexus_kit import Paging, Principal, Tx, problem

from nexus_users.access import granted_by, refuse_beyond, serialise
from nexus_users.chassis import module, policy
from nexus_users.mail import mail
from nexus_users.people import create_person, email_taken, require_roles
from nexus_users.sign_in import put_credential

SELECT = """
SELECT i.id, i.email, i.name, i.state, i.invited_by, i.created_at, i.expires_at, i.closed_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name) ORDER BY r.name)
        FROM invitation_roles ir JOIN roles r ON r.id = ir.role_id
        WHERE ir.invitation_id = i.id), '[]') AS roles
FROM invitations i
"""


def digest(token: str) -> bytes:
    """What is kept of a token. It has full entropy, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).digest()


async def list_invitations(tx: Tx, page: Paging, state: str | None) -> list[Record]:
    """Invitations in the order of their ids, one more than the page holds."""
    return await tx.fetch(
        SELECT + "WHERE ($1::uuid IS NULL OR i.id > $1) AND ($2::text IS NULL OR i.state = $2)"
        " ORDER BY i.id LIMIT $3",
        page.value(0, UUID),
        state,
        page.limit + 1,
    )


async def invite(
    tx: Tx, company_id: UUID, *, email: str, name: str | None, role_ids: list[UUID], invited_by: UUID | None
) -> dict[str, Any]:
    """Write an invitation and its letter. Returns it with its token, told here for the only time.

    Raises a 409 problem when the address belongs to a user or waits for an answer already.
    """
    if await tx.fetchval("SELECT EXISTS (SELECT FROM users WHERE email = $1)", email):
        raise email_taken()
    await close_overdue(tx, email)
    token = secrets.token_urlsafe(32)
    try:
        invitation_id = await tx.fetchval(
            "INSERT INTO invitations (company_id, email, name, token_hash, invited_by, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, now() + $6) RETURNING id",
            company_id,
            email,
            name,
            digest(token),
            invited_by,
            timedelta(seconds=policy.invitation_ttl),
        )
    except UniqueViolationError as error:
        raise problem(
            409,
            "invitation-pending",
            "This address has an invitation that waits for its answer.",
            field="email",
        ) from error
    await tx.execute(
        "INSERT INTO invitation_roles (company_id, invitation_id, role_id)"
        " SELECT DISTINCT $1::uuid, $2::uuid, role_id FROM unnest($3::uuid[]) role_id",
        company_id,
        invitation_id,
        role_ids,
    )
    row = await tx.fetchrow(SELECT + "WHERE i.id = $1", invitation_id)
    await _send(tx, company_id, row, token)
    return {**dict(row), "token": token}


async def invite_colleague(
    tx: Tx, who: Principal, email: str, name: str | None, role_ids: list[UUID]
) -> dict[str, Any]:
    """Invite into the caller's company, with roles within the caller's own permissions."""
    await require_roles(tx, role_ids)
    refuse_beyond(who, await granted_by(tx, who.company_id, role_ids))
    return await invite(tx, who.company_id, email=email, name=name, role_ids=role_ids, invited_by=who.user_id)


async def new_link(tx: Tx, who: Principal, invitation_id: UUID) -> tuple[str, datetime]:
    """A new token with a full term for a pending invitation; the former one is void."""
    role_ids = [
        row["role_id"]
        for row in await tx.fetch(
            "SELECT role_id FROM invitation_roles WHERE invitation_id = $1", invitation_id
        )
    ]
    refuse_beyond(who, await granted_by(tx, who.company_id, role_ids))
    token = secrets.token_urlsafe(32)
    row = await tx.fetchrow(
        "UPDATE invitations SET token_hash = $2, expires_at = now() + $3 WHERE id = $1 AND state = 'pending'"
        " RETURNING email, name, expires_at",
        invitation_id,
        digest(token),
        timedelta(seconds=policy.invitation_ttl),
    )
    if row is None:
        raise await _not_pending(tx, invitation_id)
    await _send(tx, who.company_id, row, token)
    return token, row["expires_at"]


async def revoke(tx: Tx, invitation_id: UUID) -> None:
    """Take an invitation back."""
    if not await _close(tx, "revoked", "id = $2", invitation_id):
        raise await _not_pending(tx, invitation_id)


async def accept(token: str, name: str, password: str) -> dict[str, Any]:
    """Make the invited person a user who can sign in.

    The credential is written before the user is committed, under an id that was chosen with the invitation:
    when anything fails in between, accepting again mends it; closing the invitation shuts the credential.
    Raises problems 404 (token), 409 (e-mail taken), 422 (weak password), 503 (sign-in is down).
    """
    async with module.db.system(read_only=True) as tx:
        company_id = await tx.fetchval(
            "SELECT company_id FROM invitations WHERE token_hash = $1", digest(token)
        )
    if company_id is None:
        raise _unknown()
    async with module.db.transaction(company_id) as tx:
        await serialise(tx, company_id)
        row = await tx.fetchrow(
            "SELECT id, user_id, email FROM invitations"
            " WHERE token_hash = $1 AND state = 'pending' AND expires_at > now() FOR UPDATE",
            digest(token),
        )
        if row is None:
            raise _unknown()
        return await _join(tx, company_id, row, name, password)


async def _join(tx: Tx, company_id: UUID, row: Record, name: str, password: str) -> dict[str, Any]:
    roles = await tx.fetch("SELECT role_id FROM invitation_roles WHERE invitation_id = $1", row["id"])
    try:
        permissions = await create_person(
            tx,
            user_id=row["user_id"],
            company_id=company_id,
            email=row["email"],
            name=name,
            role_ids=[role["role_id"] for role in roles],
        )
    except UniqueViolationError as error:
        raise email_taken() from error
    await tx.execute("UPDATE invitations SET state = 'accepted', closed_at = now() WHERE id = $1", row["id"])
    await put_credential(company_id, row["user_id"], row["email"], name, password, permissions)
    return {"user_id": row["user_id"], "company_id": company_id, "email": row["email"], "name": name}


async def close_overdue(tx: Tx, email: str | None = None) -> int:
    """Close invitations whose term has passed (of one address only, when given). Returns how many."""
    return await _close(tx, "expired", "expires_at <= now() AND ($2::text IS NULL OR email = $2)", email)


async def _close(tx: Tx, state: str, which: str, value: UUID | str | None) -> int:
    rows = await tx.fetch(
        f"UPDATE invitations SET state = $1, closed_at = now() WHERE state = 'pending' AND {which}"
        " RETURNING id, user_id, company_id",
        state,
        value,
    )
    for row in rows:
        # A credential may exist if an acceptance broke off half-way; nobody may sign in with it.
        await tx.publish(
            "user.disabled",
            row["user_id"],
            {"user_id": row["user_id"], "revision": 1, "invitation_id": row["id"]},
            company_id=row["company_id"],
        )
    return len(rows)


async def _send(tx: Tx, company_id: UUID, row: Record, token: str) -> None:
    company = await tx.fetchval("SELECT name FROM companies WHERE company_id = $1", company_id)
    values = {
        "token": token,
        "name": row["name"] or "",
        "company": company or "",
        "until": row["expires_at"].strftime("%d/%m/%Y"),
    }
    await mail.enqueue(tx, company_id, row["email"], "invitation", values)
    tx.after_commit(lambda: module.wake("deliver_mail"))


async def _not_pending(tx: Tx, invitation_id: UUID) -> Exception:
    state = await tx.fetchval("SELECT state FROM invitations WHERE id = $1", invitation_id)
    if state is None:
        return problem(404, "no-such-invitation", "There is no such invitation in this company.")
    return problem(409, "invitation-closed", f"This invitation is {state} already.")


def _unknown() -> Exception:
    return problem(
        404, "invalid-invitation", "The invitation is unknown, expired or was used: ask for a new one."
    )
