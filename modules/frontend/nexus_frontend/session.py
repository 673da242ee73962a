"""A person's session: tokens in HttpOnly cookies, renewed once however many requests race."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from nexus_frontend.gateway import Gateway
from nexus_frontend.problems import ApiProblem, SignInNeeded

EARLY = 20.0  # seconds before an access token's end at which it is renewed
REMEMBERED = 120.0  # seconds for which late requests with the old refresh token get the new session


@dataclass(frozen=True, slots=True)
class Session:
    """Access and refresh token, and the access token's claims (the gateway verifies them; here they only
    decide what a page offers)."""

    access: str
    refresh: str
    claims: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, access: str, refresh: str) -> Session:
        """A session from its two tokens."""
        return cls(access, refresh, claims_of(access))

    @property
    def ending(self) -> bool:
        """Is the access token over, or nearly?"""
        return float(self.claims.get("exp") or 0) - time.time() < EARLY

    @property
    def id(self) -> str:
        return str(self.claims.get("sid") or "")

    @property
    def email(self) -> str:
        return str(self.claims.get("email") or "")

    @property
    def company(self) -> str:
        return str(self.claims.get("cid") or "")

    @property
    def user(self) -> str:
        return str(self.claims.get("sub") or "")

    def can(self, permission: str) -> bool:
        """Does the person hold the permission, itself or through ``*`` or a prefix such as ``sales.*``?"""
        held = self.claims.get("permissions") or ()
        parts = permission.split(".")
        wild = {".".join((*parts[:n], "*")) for n in range(len(parts))}
        return any(one == permission or one in wild for one in held)


def claims_of(token: str) -> dict[str, Any]:
    """The claims a JWT carries; empty when it is not one."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


class Sessions:
    """Begins, renews and ends sessions at the auth module."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._renewals: dict[str, tuple[float, asyncio.Task[Session]]] = {}

    async def begin(self, email: str, password: str, headers: dict[str, str]) -> Session:
        """Log in. Raises ApiProblem when the credentials are refused."""
        answer = await self._gateway.call(
            "POST", "/api/auth/login", body={"email": email, "password": password}, headers=headers
        )
        return Session.of(answer["access_token"], answer["refresh_token"])

    async def renew(self, refresh: str, headers: dict[str, str]) -> Session:
        """A fresh session for a refresh token. Requests that race share one renewal, and those that come
        a little later with the old token get its result. Raises SignInNeeded when the session is over."""
        now = time.monotonic()
        for old in [key for key, (at, _) in self._renewals.items() if now - at > REMEMBERED]:
            del self._renewals[old]
        key = hashlib.sha256(refresh.encode()).hexdigest()
        if key not in self._renewals:
            self._renewals[key] = (now, asyncio.create_task(self._renew(refresh, headers)))
        task = self._renewals[key][1]
        try:
            session = await asyncio.shield(task)
        except Exception:
            self._renewals.pop(key, None)
            raise
        if session.ending:  # remembered for longer than its access token lives
            self._renewals.pop(key, None)
            return await self.renew(session.refresh, headers)
        return session

    async def _renew(self, refresh: str, headers: dict[str, str]) -> Session:
        try:
            answer = await self._gateway.call(
                "POST", "/api/auth/refresh", body={"refresh_token": refresh}, headers=headers
            )
        except ApiProblem as problem:
            if problem.status in (400, 401, 403, 422):
                raise SignInNeeded from problem
            raise
        return Session.of(answer["access_token"], answer["refresh_token"])

    async def end(self, session: Session, headers: dict[str, str]) -> None:
        """Log out; the auth module revokes the session."""
        await self._gateway.call("POST", "/api/auth/logout", token=session.access, headers=headers)
