"""A user's HTTP client: logs in, keeps its session, retries what is safe to retry."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

RETRY_STATUS = frozenset({408, 425, 429, 502, 503, 504, 507})


class ApiError(Exception):
    """The ERP refused a request for good.

    Attributes: `status` (HTTP status, 0 when no answer came) and `problem` (RFC 9457 members).
    """

    def __init__(self, method: str, path: str, status: int, problem: dict[str, Any]) -> None:
        detail = problem.get("detail") or problem.get("title") or "no answer"
        super().__init__(f"{method} {path}: {status or 'no answer'}: {detail}")
        self.status = status
        self.problem = problem


@dataclass
class Client:
    """One person's session with the ERP, through Nginx and the gateway.

    Args:
        base_url: where Nginx listens, e.g. `http://127.0.0.1:80`.
        email, password: the person's login.
        patience: seconds a request is tried again while the ERP is away.
    """

    base_url: str
    email: str
    password: str
    patience: float = 45.0
    retries: int = 0
    _http: aiohttp.ClientSession | None = None
    _tokens: dict[str, Any] = field(default_factory=dict)
    _login_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __aenter__(self) -> Client:
        connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=20)
        self._http = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=15, connect=3)
        )
        await self.log_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def log_in(self) -> None:
        """Opens a session; raises `ApiError` when the login is refused."""
        self._tokens = await self._send(
            "POST", "/api/auth/login", {"email": self.email, "password": self.password}, authenticated=False
        )

    async def mistype(self) -> None:
        """Types a wrong password, and is refused."""
        try:
            await self._send(
                "POST", "/api/auth/login", {"email": self.email, "password": "mistyped"}, authenticated=False
            )
        except ApiError as refused:
            if refused.status != 401:
                raise

    async def get(self, path: str) -> Any:
        return await self._send("GET", path, None)

    async def post(self, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """Writes; the same idempotency key goes with every retry, so it happens once."""
        return await self._send("POST", path, body or {}, key=key or str(uuid.uuid4()))

    async def put(self, path: str, body: dict[str, Any]) -> Any:
        return await self._send("PUT", path, body, key=str(uuid.uuid4()))

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        return await self._send("PATCH", path, body, key=str(uuid.uuid4()))

    async def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        *,
        key: str | None = None,
        authenticated: bool = True,
    ) -> Any:
        give_up = time.monotonic() + self.patience
        attempt, renewed = 0, False
        while True:
            status, answer, wait = await self._attempt(method, path, body, key, authenticated)
            if 200 <= status < 300:
                return answer
            if status == 401 and authenticated and not renewed:
                await self._renew()
                renewed = True
            elif (status and status not in RETRY_STATUS) or time.monotonic() > give_up:
                raise ApiError(method, path, status, answer if isinstance(answer, dict) else {})
            else:
                self.retries += 1
                await asyncio.sleep(wait or min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.5))
            attempt += 1

    async def _attempt(
        self, method: str, path: str, body: dict[str, Any] | None, key: str | None, authenticated: bool
    ) -> tuple[int, Any, float]:
        assert self._http is not None, "use the client as an async context manager"
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if key:
            headers["Idempotency-Key"] = key
        if authenticated:
            headers["Authorization"] = f"Bearer {self._tokens['access_token']}"
        data = None if body is None else json.dumps(body).encode()
        try:
            async with self._http.request(method, self.base_url + path, data=data, headers=headers) as answer:
                raw = await answer.read()
                wait = answer.headers.get("Retry-After", "")
                return answer.status, _decoded(raw), min(float(wait), 2.0) if wait.isdigit() else 0.0
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            return 0, {"detail": f"{type(error).__name__}: {error}"}, 0.0

    async def _renew(self) -> None:
        stale = self._tokens.get("access_token")
        async with self._login_lock:
            if self._tokens.get("access_token") == stale:
                await self.log_in()


def _decoded(raw: bytes) -> Any:
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        return {"detail": raw[:200].decode(errors="replace")}
