"""People of a company."""

from typing import Any
from uuid import UUID

from asyncpg import Record, UniqueViolationError
from nexus_kit import Paging, Principal, Tx, problem

from nexus_users.access import (
    changing_access,
    granted_by,
    next_revisions,
    refuse_beyond,
    serialise,
    standings,
)
from nexus_users.schemas import UserPatch

SELECT = """
SELECT u.id, u.email, u.name, u.state, u.created_at, u.updated_at, u.disabled_at, u.company_id,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name) ORDER BY r.name)
        FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id), '[]') AS roles
FROM users u
"""


async def list_people(tx: Tx, page: Paging, state: str | None, search: str | None) -> list[Record]:
    """People in the order of their ids, one more than the page holds; `search` looks into name and e-mail."""
    pattern = None if not search else "%" + _escaped(search) + "%"
    return await tx.fetch(
        SELECT + "WHERE ($1::uuid IS NULL OR u.id > $1) AND ($2::text IS NULL OR u.state = $2)"
        " AND ($3::text IS NULL OR u.name ILIKE $3 OR u.email ILIKE $3) ORDER BY u.id LIMIT $4",
        page.value(0, UUID),
        state,
        pattern,
        page.limit + 1,
    )


async def person(tx: Tx, company_id: UUID, user_id: UUID) -> dict[str, Any]:
    """One person with effective permissions. Raises a 404 problem."""
    row = await tx.fetchrow(SELECT + "WHERE u.id = $1 AND u.company_id = $2", user_id, company_id)
    if row is None:
        raise no_such_user()
    standing = await standings(tx, company_id, [user_id])
    return {**dict(row), "permissions": standing[user_id].permissions}


async def create_person(
    tx: Tx, *, user_id: UUID, company_id: UUID, email: str, name: str, role_ids: list[UUID]
) -> list[str]:
    """Add a person and tell everyone; the caller has serialised. Returns the effective permissions."""
    await tx.execute(
        "INSERT INTO users (id, company_id, email, name) VALUES ($1, $2, $3, $4)",
        user_id,
        company_id,
        email,
        name,
    )
    await tx.execute(
        "INSERT INTO user_roles (company_id, user_id, role_id) SELECT $1, $2, unnest($3::uuid[])",
        company_id,
        user_id,
        role_ids,
    )
    permissions = await granted_by(tx, company_id, role_ids)
    await tx.publish(
        "user.created",
        user_id,
        {"user_id": user_id, "email": email, "name": name, "permissions": permissions, "revision": 0},
    )
    return permissions


async def change_person(tx: Tx, who: Principal, user_id: UUID, patch: UserPatch) -> None:
    """Change name or e-mail. Raises problems 403 (a more powerful person), 404, 409 (e-mail taken)."""
    await serialise(tx, who.company_id)
    standing = (await standings(tx, who.company_id, [user_id])).get(user_id)
    if standing is None:
        raise no_such_user()
    refuse_beyond(who, standing.permissions)
    try:
        row = await tx.fetchrow(
            "UPDATE users SET name = coalesce($2, name), email = coalesce($3, email) WHERE id = $1"
            " AND (name, email) IS DISTINCT FROM (coalesce($2, name), coalesce($3, email))"
            " RETURNING email, name",
            user_id,
            patch.name,
            patch.email,
        )
    except UniqueViolationError as error:
        raise email_taken() from error
    if row is None:
        return
    revision = (await next_revisions(tx, [user_id]))[user_id]
    await tx.publish(
        "user.updated",
        user_id,
        {"user_id": user_id, "email": row["email"], "name": row["name"], "revision": revision},
    )


async def set_roles(tx: Tx, who: Principal, user_id: UUID, role_ids: list[UUID]) -> None:
    """Give a person exactly these roles."""
    async with changing_access(tx, who.company_id) as before:
        if user_id not in before:
            raise no_such_user()
        await require_roles(tx, role_ids)
        refuse_beyond(who, before[user_id].permissions, await granted_by(tx, who.company_id, role_ids))
        await tx.execute(
            "DELETE FROM user_roles WHERE user_id = $1 AND role_id <> ALL($2::uuid[])", user_id, role_ids
        )
        await tx.execute(
            "INSERT INTO user_roles (company_id, user_id, role_id) SELECT $1, $2, unnest($3::uuid[])"
            " ON CONFLICT DO NOTHING",
            who.company_id,
            user_id,
            role_ids,
        )


async def set_active(tx: Tx, who: Principal, user_id: UUID, active: bool) -> None:
    """Let a person in or shut them out; what is so already stays so, silently."""
    async with changing_access(tx, who.company_id) as before:
        if user_id not in before:
            raise no_such_user()
        refuse_beyond(who, before[user_id].permissions)
        if before[user_id].active == active:
            return
        await tx.execute(
            "UPDATE users SET state = $2, disabled_at = CASE WHEN $2 = 'disabled' THEN now() END"
            " WHERE id = $1",
            user_id,
            "active" if active else "disabled",
        )
        revision = (await next_revisions(tx, [user_id]))[user_id]
        await tx.publish(
            "user.enabled" if active else "user.disabled", user_id, {"user_id": user_id, "revision": revision}
        )


async def require_roles(tx: Tx, role_ids: list[UUID]) -> None:
    """Raise a 422 problem when one of the roles does not exist in the company."""
    rows = await tx.fetch("SELECT id FROM roles WHERE id = ANY($1)", role_ids)
    unknown = sorted(str(one) for one in set(role_ids) - {row["id"] for row in rows})
    if unknown:
        raise problem(422, "unknown-role", f"There is no role {unknown[0]}.", unknown=unknown)


def no_such_user() -> Exception:
    """404."""
    return problem(404, "no-such-user", "There is no such user in this company.")


def email_taken() -> Exception:
    """409."""
    return problem(409, "email-taken", "This e-mail address belongs to a user already.", field="email")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
