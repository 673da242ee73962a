"""Who asks: a person of a company, or another module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nexus_kit.ids import NIL


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified identity behind a request.

    ``service`` is the module's name for a module-to-module call (then ``user_id`` is the nil UUID) and None
    for people. ``company_id`` is the nil UUID for a service that speaks for no company: row-level security
    then shows nothing.
    """

    user_id: UUID
    company_id: UUID
    session_id: UUID | None = None
    email: str = ""
    permissions: frozenset[str] = field(default_factory=frozenset)
    service: str | None = None

    def can(self, permission: str) -> bool:
        """Tell whether ``permission`` is held, by name or by a wildcard: ``*``, ``sales.*``,
        ``sales.order.*``.
        """
        held = self.permissions
        if permission in held or "*" in held:
            return True
        parts = permission.split(".")
        return any(".".join(parts[:n]) + ".*" in held for n in range(1, len(parts)))

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Principal:
        """Read the claims of a verified token. Raises ValueError or KeyError when they do not fit the
        contract.
        """
        service = claims.get("svc")
        company = UUID(str(claims["cid"])) if claims.get("cid") else NIL
        if service is not None:
            if claims["sub"] != f"service:{service}":
                raise ValueError("sub and svc disagree")
            return cls(user_id=NIL, company_id=company, service=str(service))
        if company == NIL:
            raise ValueError("cid is missing")
        return cls(
            user_id=UUID(str(claims["sub"])),
            company_id=company,
            session_id=UUID(str(claims["sid"])) if claims.get("sid") else None,
            email=str(claims.get("email", "")),
            permissions=frozenset(str(item) for item in claims.get("permissions", ())),
        )
