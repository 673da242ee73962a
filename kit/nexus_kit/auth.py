"""FastAPI dependencies that say who may call an endpoint."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from nexus_kit.ids import NIL
from nexus_kit.principal import Principal
from nexus_kit.problems import problem
from nexus_kit.tokens import TokenVerifier, unauthorized

COMPANY_HEADER = "x-company-id"


class Bearer(SecurityBase):
    """Needs a valid access token; subclasses say what it must allow."""

    def __init__(self) -> None:
        self.model = HTTPBearer(
            bearerFormat="JWT", description="Access token (RS256) issued by the auth module."
        )
        self.scheme_name = "bearer"

    async def principal(self, request: Request) -> Principal:
        """Verify the request's bearer token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorized("token-missing", "Send an access token: Authorization: Bearer <token>.")
        verifier: TokenVerifier = request.app.state.verifier
        return await verifier.verify(token.strip())


class Require(Bearer):
    """Needs a person with any one of the permissions (any person when none is named)."""

    def __init__(self, *permissions: str) -> None:
        super().__init__()
        self.permissions = permissions

    async def __call__(self, request: Request) -> Principal:
        who = await self.principal(request)
        if who.service is not None:
            raise problem(403, "people-only", "This address is for people; modules use /internal.")
        if self.permissions and not any(who.can(permission) for permission in self.permissions):
            needed = " or ".join(self.permissions)
            raise problem(
                403, "permission-missing", f"This needs the permission {needed}.", needed=self.permissions
            )
        return who


class ServiceOnly(Bearer):
    """Needs the token of another module. ``X-Company-Id`` says for which company it speaks."""

    async def __call__(self, request: Request) -> Principal:
        who = await self.principal(request)
        if who.service is None:
            raise problem(403, "services-only", "This address is for other modules.")
        company = request.headers.get(COMPANY_HEADER)
        if company and who.company_id == NIL:
            try:
                who = replace(who, company_id=UUID(company))
            except ValueError:
                raise problem(422, "invalid-header", "X-Company-Id is not a UUID.") from None
        return who


def require(*permissions: str) -> Require:
    """Dependency: a valid token of a person who holds any one of ``permissions``. Answers 401 or 403
    otherwise.
    """
    return Require(*permissions)


service_only = ServiceOnly()


async def public() -> None:
    """Dependency that marks an endpoint as open to anybody; it checks nothing."""
