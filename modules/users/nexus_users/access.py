"""Who may do what: effective permissions, and the one way to change them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from nexus_kit import Principal, Tx, problem

from nexus_users.domain.permissions import EVERYTHING, beyond

ANCESTRY = """
WITH RECURSIVE ancestry (role_id, ancestor_id) AS (
    SELECT id, id FROM roles WHERE company_id = $1
    UNION
    SELECT a.role_id, p.parent_id FROM ancestry a JOIN role_parents p ON p.role_id = a.ancestor_id
), granted AS (
    SELECT DISTINCT a.role_id, permission
    FROM ancestry a JOIN roles r ON r.id = a.ancestor_id CROSS JOIN LATERAL unnest(r.permissions) permission
)
"""
BY_USER = (
    ANCESTRY
    + """
SELECT u.id, u.state = 'active' AS active,
    coalesce(array_agg(DISTINCT g.permission ORDER BY g.permission)
        FILTER (WHERE g.permission IS NOT NULL), '{}') AS permissions
FROM users u LEFT JOIN user_roles ur ON ur.user_id = u.id LEFT JOIN granted g ON g.role_id = ur.role_id
WHERE u.company_id = $1 AND ($2::uuid[] IS NULL OR u.id = ANY($2))
GROUP BY u.id
"""
)
BY_ROLES = ANCESTRY + "SELECT DISTINCT permission FROM granted WHERE role_id = ANY($2) ORDER BY permission"


@dataclass(frozen=True)
class Standing:
    """What a person may do, and whether they may sign in at all."""

    active: bool
    permissions: list[str]

    @property
    def is_admin(self) -> bool:
        """Whether the person can put everything right again."""
        return self.active and EVERYTHING in self.permissions


async def standings(tx: Tx, company_id: UUID, user_ids: Iterable[UUID] | None = None) -> dict[UUID, Standing]:
    """Effective permissions (own roles and all their ancestors) of these or of all users of the company."""
    rows = await tx.fetch(BY_USER, company_id, None if user_ids is None else list(user_ids))
    return {row["id"]: Standing(row["active"], row["permissions"]) for row in rows}


async def granted_by(tx: Tx, company_id: UUID, role_ids: Iterable[UUID]) -> list[str]:
    """What a person with these roles may do."""
    rows = await tx.fetch(BY_ROLES, company_id, list(role_ids))
    return [row["permission"] for row in rows]


async def serialise(tx: Tx, company_id: UUID) -> None:
    """One change of access at a time in a company: later ones see what earlier ones did."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('users.access:' || $1, 0))", str(company_id)
    )


@asynccontextmanager
async def changing_access(tx: Tx, company_id: UUID) -> AsyncIterator[dict[UUID, Standing]]:
    """Every change of roles, of their members or of who is active happens inside; gives the standings before.

    At the end a company that had an active administrator must still have one (409 otherwise), and each person
    whose effective permissions changed is told of in an event.
    """
    await serialise(tx, company_id)
    before = await standings(tx, company_id)
    yield before
    after = await standings(tx, company_id)
    if _admins(before) and not _admins(after):
        raise problem(
            409,
            "last-admin",
            "This would leave the company without an active administrator: name another first.",
        )
    changed = [
        user_id
        for user_id, now in after.items()
        if user_id in before and now.permissions != before[user_id].permissions
    ]
    for user_id, revision in (await next_revisions(tx, changed)).items():
        await tx.publish(
            "user.permissions_changed",
            user_id,
            {"user_id": user_id, "permissions": after[user_id].permissions, "revision": revision},
        )


async def next_revisions(tx: Tx, user_ids: list[UUID]) -> dict[UUID, int]:
    """Count one change of each user; the number travels with the event and tells which is newer."""
    if not user_ids:
        return {}
    rows = await tx.fetch(
        "UPDATE users SET revision = revision + 1, updated_at = now()"
        " WHERE id = ANY($1) RETURNING id, revision",
        user_ids,
    )
    return {row["id"]: row["revision"] for row in rows}


def refuse_beyond(who: Principal, *permissions: Iterable[str]) -> None:
    """Raise a 403 problem when something is not within the caller's own permissions.

    Nobody grants, takes away or takes over what they do not hold themselves.
    """
    missing = beyond(who.permissions, [name for group in permissions for name in group])
    if missing:
        raise problem(
            403,
            "beyond-your-permissions",
            f"This touches permissions that you do not hold: {', '.join(missing[:10])}.",
            missing=missing,
        )


def _admins(standing: dict[UUID, Standing]) -> bool:
    return any(one.is_admin for one in standing.values())
