"""Roles: own permissions plus those of their parents, never in a circle."""

from typing import Any
from uuid import UUID

from asyncpg import Record, UniqueViolationError
from nexus_kit import Paging, Principal, Tx, problem

from nexus_users.access import ANCESTRY, changing_access, granted_by, refuse_beyond
from nexus_users.domain.inheritance import circle
from nexus_users.people import require_roles
from nexus_users.schemas import RoleIn, RolePatch

ADMINISTRATOR = "Administrator"
SELECT = (
    ANCESTRY
    + """
SELECT r.id, r.name, r.permissions, r.built_in, r.created_at, r.updated_at,
    ARRAY(SELECT parent_id FROM role_parents p WHERE p.role_id = r.id ORDER BY parent_id) AS parents,
    ARRAY(SELECT permission FROM granted g WHERE g.role_id = r.id ORDER BY permission) AS effective,
    (SELECT count(*) FROM user_roles ur WHERE ur.role_id = r.id) AS members
FROM roles r WHERE r.company_id = $1
"""
)


async def list_roles(tx: Tx, company_id: UUID, page: Paging) -> list[Record]:
    """Roles in the order of their ids, one more than the page holds."""
    return await tx.fetch(
        SELECT + "AND ($2::uuid IS NULL OR r.id > $2) ORDER BY r.id LIMIT $3",
        company_id,
        page.value(0, UUID),
        page.limit + 1,
    )


async def role(tx: Tx, company_id: UUID, role_id: UUID) -> dict[str, Any]:
    """One role. Raises a 404 problem."""
    row = await tx.fetchrow(SELECT + "AND r.id = $2", company_id, role_id)
    if row is None:
        raise problem(404, "no-such-role", "There is no such role in this company.")
    return dict(row)


async def create_role(tx: Tx, who: Principal, wanted: RoleIn) -> UUID:
    """Add a role. Raises problems 403 (beyond the caller), 409 (name taken), 422 (unknown parent)."""
    await require_roles(tx, wanted.parents)
    refuse_beyond(who, wanted.permissions, await granted_by(tx, who.company_id, wanted.parents))
    try:
        role_id: UUID = await tx.fetchval(
            "INSERT INTO roles (company_id, name, permissions) VALUES ($1, $2, $3) RETURNING id",
            who.company_id,
            wanted.name,
            sorted(set(wanted.permissions)),
        )
    except UniqueViolationError as error:
        raise _name_taken() from error
    await _set_parents(tx, who.company_id, role_id, wanted.parents)
    return role_id


async def create_administrator(tx: Tx, company_id: UUID) -> UUID:
    """The role that may do everything and that nobody can change; made once per company."""
    role_id: UUID = await tx.fetchval(
        "INSERT INTO roles AS r (company_id, name, permissions, built_in) VALUES ($1, $2, '{*}', true)"
        " ON CONFLICT (company_id, name) DO UPDATE SET built_in = true RETURNING id",
        company_id,
        ADMINISTRATOR,
    )
    return role_id


async def change_role(tx: Tx, who: Principal, role_id: UUID, patch: RolePatch) -> None:
    """Change a role and tell of each member whose permissions change with it."""
    async with changing_access(tx, who.company_id):
        before = await _changeable(tx, who, role_id)
        if patch.parents is not None:
            await require_roles(tx, patch.parents)
            await _refuse_circle(tx, role_id, patch.parents)
            await _set_parents(tx, who.company_id, role_id, patch.parents)
        try:
            await tx.execute(
                "UPDATE roles SET name = $2, permissions = $3, updated_at = now() WHERE id = $1",
                role_id,
                patch.name or before["name"],
                before["permissions"] if patch.permissions is None else sorted(set(patch.permissions)),
            )
        except UniqueViolationError as error:
            raise _name_taken() from error
        refuse_beyond(who, await granted_by(tx, who.company_id, [role_id]))


async def delete_role(tx: Tx, who: Principal, role_id: UUID) -> None:
    """Delete a role that nobody has and that no role inherits from."""
    async with changing_access(tx, who.company_id):
        before = await _changeable(tx, who, role_id)
        heirs = await tx.fetchval("SELECT count(*) FROM role_parents WHERE parent_id = $1", role_id)
        if before["members"] or heirs:
            raise problem(
                409,
                "role-in-use",
                f"{before['members']} users have this role, {heirs} roles inherit from it: end that first.",
            )
        await tx.execute("DELETE FROM roles WHERE id = $1", role_id)


async def _changeable(tx: Tx, who: Principal, role_id: UUID) -> dict[str, Any]:
    found = await role(tx, who.company_id, role_id)
    if found["built_in"]:
        raise problem(409, "built-in-role", f"The role {found['name']} is built in and stays as it is.")
    refuse_beyond(who, found["effective"])
    return found


async def _refuse_circle(tx: Tx, role_id: UUID, parents: list[UUID]) -> None:
    rows = await tx.fetch("SELECT role_id, parent_id FROM role_parents WHERE role_id <> $1", role_id)
    graph: dict[UUID, list[UUID]] = {role_id: parents}
    for row in rows:
        graph.setdefault(row["role_id"], []).append(row["parent_id"])
    way = circle(graph, role_id)
    if way:
        names = {
            row["id"]: row["name"]
            for row in await tx.fetch("SELECT id, name FROM roles WHERE id = ANY($1)", way)
        }
        path = " -> ".join(names[one] for one in way)
        raise problem(409, "role-circle", f"A role cannot inherit from itself: {path}.", circle=way)


async def _set_parents(tx: Tx, company_id: UUID, role_id: UUID, parents: list[UUID]) -> None:
    await tx.execute(
        "DELETE FROM role_parents WHERE role_id = $1 AND parent_id <> ALL($2::uuid[])", role_id, parents
    )
    await tx.execute(
        "INSERT INTO role_parents (company_id, role_id, parent_id) SELECT $1, $2, unnest($3::uuid[])"
        " ON CONFLICT DO NOTHING",
        company_id,
        role_id,
        parents,
    )


def _name_taken() -> Exception:
    return problem(409, "role-name-taken", "Another role has this name.", field="name")
