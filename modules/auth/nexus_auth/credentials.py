"""Credentials: written by the users module, kept in step with its events."""

from typing import Any
from uuid import UUID

from asyncpg import UniqueViolationError
from nexus_kit import Event, NotYet, Tx, problem

from nexus_auth.chassis import hasher, module, ring
from nexus_auth.hashing import require_strong
from nexus_auth.resets import store_password
from nexus_auth.sessions import end_sessions

UPSERT = """
INSERT INTO credentials AS c (user_id, company_id, email, name, permissions) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (user_id) DO UPDATE SET email = EXCLUDED.email, name = coalesce(EXCLUDED.name, c.name),
    permissions = EXCLUDED.permissions, updated_at = now()
WHERE c.company_id = EXCLUDED.company_id
RETURNING user_id
"""


async def put_credential(
    *,
    user_id: UUID,
    company_id: UUID,
    email: str,
    name: str | None,
    password: str | None,
    permissions: list[str],
) -> None:
    """Create or replace a person's credential; the same call twice changes nothing more.

    Raises problems: 409 when the e-mail or the user id belongs to another person, 422 for a weak password.
    """
    hashed = None
    if password is not None:
        require_strong(password, email, name)
        async with hasher:
            hashed = await hasher.hash(password)
    try:
        async with module.db.transaction(company_id) as tx:
            written = await tx.fetchval(UPSERT, user_id, company_id, email, name, permissions)
            if written is None:
                raise problem(409, "user-of-another-company", "This user id belongs to another company.")
            if hashed is not None:
                await store_password(tx, user_id, hashed)
    except UniqueViolationError as error:
        raise problem(409, "email-taken", "This e-mail address already signs in.", field="email") from error


@module.on("users", "user.created", "user.updated")
async def profile_changed(tx: Tx, event: Event) -> None:
    """Follow a person's name and e-mail. A person nobody gave a password yet can ask for one by mail."""
    data = event.data
    if event.type == "user.updated":
        await _wait_for_person(tx, event)
    await tx.execute(
        "INSERT INTO credentials AS c (user_id, company_id, email, name, permissions, profile_revision)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id) DO UPDATE SET email = EXCLUDED.email,"
        " name = EXCLUDED.name, profile_revision = EXCLUDED.profile_revision, updated_at = now()"
        " WHERE c.company_id = EXCLUDED.company_id AND c.profile_revision <= EXCLUDED.profile_revision",
        UUID(data["user_id"]),
        event.company_id,
        data["email"],
        data["name"],
        data.get("permissions", []),
        data.get("revision", 0),
    )


@module.on("users", "user.permissions_changed")
async def permissions_changed(tx: Tx, event: Event) -> None:
    """Follow what a person may do: the next access token carries it."""
    await _wait_for_person(tx, event)
    await tx.execute(
        "UPDATE credentials SET permissions = $2, access_revision = $3, updated_at = now()"
        " WHERE user_id = $1 AND access_revision <= $3",
        UUID(event.data["user_id"]),
        event.data["permissions"],
        event.data.get("revision", 0),
    )


@module.on("users", "user.disabled", "user.enabled")
async def enabled_changed(tx: Tx, event: Event) -> None:
    """Close or open the door; closing it ends every session."""
    user_id, enabled = UUID(event.data["user_id"]), event.type == "user.enabled"
    if "invitation_id" not in event.data:  # else it closes an invitation, and the person may never have come
        await _wait_for_person(tx, event)
    changed = await tx.fetchval(
        "UPDATE credentials SET enabled = $2, enabled_revision = $3, updated_at = now()"
        " WHERE user_id = $1 AND enabled_revision <= $3 RETURNING true",
        user_id,
        enabled,
        event.data.get("revision", 0),
    )
    if changed and not enabled:
        await end_sessions(tx, user_id, "user_disabled")


async def _wait_for_person(tx: Tx, event: Event) -> None:
    """Raise NotYet for a person not known yet: what overtook their ``user.created`` must not be lost."""
    user_id = UUID(event.data["user_id"])
    if not await tx.fetchval("SELECT EXISTS (SELECT FROM credentials WHERE user_id = $1)", user_id):
        raise NotYet("the person's user.created has not arrived")


@module.bootstrap
async def first_admin(boot: dict[str, Any]) -> None:
    """Make the signing keys and give the first administrator their credential, once."""
    async with module.db.system() as tx:
        await ring.ensure(tx)
    admin, company_id = boot["admin"], UUID(boot["company"]["id"])
    user_id = UUID(admin["id"])
    async with module.db.read(company_id) as tx:
        if await tx.fetchval("SELECT password_hash FROM credentials WHERE user_id = $1", user_id):
            return
    async with hasher:
        hashed = await hasher.hash(admin["password"])
    async with module.db.transaction(company_id) as tx:
        await tx.execute(
            "INSERT INTO credentials AS c (user_id, company_id, email, name, permissions, password_hash,"
            " password_changed_at) VALUES ($1, $2, $3, $4, '{*}', $5, now())"
            " ON CONFLICT (user_id) DO UPDATE SET password_hash = EXCLUDED.password_hash,"
            " password_changed_at = now() WHERE c.password_hash IS NULL",
            user_id,
            company_id,
            admin["email"].strip().lower(),
            admin["name"],
            hashed,
        )
