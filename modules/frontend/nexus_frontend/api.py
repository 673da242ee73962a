"""The gateway as one visitor sees it: with their token, their trace and their language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nexus_frontend.gateway import Gateway
from nexus_frontend.problems import ApiProblem, BrickDown, SignInNeeded, Trouble
from nexus_frontend.session import Session, Sessions


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page that may be missing while the rest stands: its data, or why there is none."""

    data: Any = None
    trouble: Trouble | None = None

    def __bool__(self) -> bool:
        return self.trouble is None

    @property
    def items(self) -> list[Any]:
        """The items of a list answer, whether it came bare or in a page."""
        return items_of(self.data)

    @property
    def forbidden(self) -> bool:
        """Was it refused for want of a permission?"""
        return isinstance(self.trouble, ApiProblem) and self.trouble.status == 403


def items_of(data: Any) -> list[Any]:
    """The items of a list answer, whether it came bare or in a page."""
    if isinstance(data, dict):
        data = data.get("items")
    return data if isinstance(data, list) else []


def over(problem: ApiProblem) -> bool:
    """Is the session over? (A wrong current password is a 401 too, and is not.)"""
    return problem.status == 401 and problem.slug != "invalid-credentials"


class Api:
    """Calls on behalf of a visitor; renews their session when it has run out."""

    def __init__(
        self, gateway: Gateway, sessions: Sessions, session: Session | None, headers: dict[str, str]
    ) -> None:
        self._gateway = gateway
        self._sessions = sessions
        self._headers = headers
        self.session = session

    async def get(self, path: str, **params: object) -> Any:
        """Read; empty parameters are left out."""
        return await self.send("GET", path, params=params)

    async def part(self, path: str, **params: object) -> Part:
        """Read a part of a page that may be missing."""
        try:
            return Part(await self.get(path, **params))
        except (ApiProblem, BrickDown) as trouble:
            return Part(trouble=trouble)

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        params: dict[str, object] | None = None,
    ) -> Any:
        """Any call; key is the idempotency key of a write. Raises Trouble."""
        session = self.session
        if session is None:
            raise SignInNeeded
        if session.ending:
            session = await self.renew()
        try:
            return await self._call(session, method, path, params, body, key)
        except ApiProblem as problem:
            if not over(problem):
                raise
        if self.session is session:  # a part of the same page may have renewed it meanwhile
            session = await self.renew()
        try:
            return await self._call(self.session or session, method, path, params, body, key)
        except ApiProblem as problem:
            if over(problem):
                raise SignInNeeded from problem
            raise

    async def renew(self) -> Session:
        """Renew the visitor's session (after a change of their rights, or when it runs out)."""
        if self.session is None:
            raise SignInNeeded
        self.session = await self._sessions.renew(self.session.refresh, self._headers)
        return self.session

    async def _call(
        self,
        session: Session,
        method: str,
        path: str,
        params: dict[str, object] | None,
        body: object,
        key: str | None,
    ) -> Any:
        return await self._gateway.call(
            method, path, token=session.access, params=params, body=body, key=key, headers=self._headers
        )
