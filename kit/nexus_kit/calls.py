"""Calls to other modules over HTTP, with this module's service token, a short time-out and the trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from nexus_kit import tracing
from nexus_kit.logs import log
from nexus_kit.problems import Unavailable
from nexus_kit.settings import Settings
from nexus_kit.tx import to_bytes

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_S = 2.0
ISSUER = "auth"


class Reply:
    """The other module's answer: ``status``, ``headers``, ``body``, ``data`` (the parsed JSON or None)."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def data(self) -> Any:
        """The parsed JSON body; None when it is empty or not JSON."""
        try:
            return orjson.loads(self.body) if self.body else None
        except orjson.JSONDecodeError:
            return None

    async def json(self) -> Any:
        """The same as ``data``, in aiohttp's manner."""
        return self.data

    async def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class Client:
    """Another module, called with the service token. All methods raise Unavailable when it is off or down."""

    def __init__(self, calls: Calls, module: str) -> None:
        self._calls = calls
        self._module = module

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        company_id: UUID | None = None,
        timeout: float = TIMEOUT_S,
    ) -> Reply:
        """Send a request; ``timeout`` in seconds for the whole of it. Answers 5xx raise Unavailable, others
        are returned.
        """
        return await self._calls.send(self._module, method, path, json, params, headers, company_id, timeout)

    async def get(self, path: str, **options: Any) -> Reply:
        """GET; options as in ``request``."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Reply:
        """POST; options as in ``request``."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> Reply:
        """PUT; options as in ``request``."""
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, **options: Any) -> Reply:
        """PATCH; options as in ``request``."""
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        """DELETE; options as in ``request``."""
        return await self.request("DELETE", path, **options)


class Calls:
    """One HTTP session for all calls of the process, made when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._token: str | None = None
        self._token_until = 0.0
        self._token_lock = asyncio.Lock()

    def is_on(self, module: str) -> bool:
        """Whether the brick ``module`` is part of this stack."""
        return module in self._settings.urls

    async def send(
        self,
        module: str,
        method: str,
        path: str,
        json: Any,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        company_id: UUID | None,
        timeout: float,
    ) -> Reply:
        """Send with the service token; a token that is refused is renewed once."""
        base = self._settings.urls.get(module)
        if base is None:
            raise Unavailable(f"The module {module} is off.", "module-off")
        sent = {**(headers or {}), **_context(company_id)}
        body = None
        if json is not None:
            body = to_bytes(json)
            sent["Content-Type"] = "application/json"
        for renewed in (False, True):
            sent["Authorization"] = f"Bearer {await self._service_token(renew=renewed)}"
            reply = await self._exchange(module, method, base + path, body, params, sent, timeout)
            if reply.status != 401:
                break
        if reply.status >= 500:
            log.warning("call failed", extra={"target": module, "path": path, "status": reply.status})
            raise Unavailable(
                f"The module {module} is not available now. Try again shortly.", "module-unavailable"
            )
        return reply

    async def _exchange(
        self,
        module: str,
        method: str,
        url: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        timeout: float,
    ) -> Reply:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            with tracing.calling(method, module, url) as span:
                async with self._session.request(
                    method,
                    url,
                    data=body,
                    params=params,
                    headers={**headers, "traceparent": span.traceparent},
                    timeout=aiohttp.ClientTimeout(timeout),
                ) as answer:
                    reply = Reply(answer.status, dict(answer.headers), await answer.read())
                tracing.answered(span, reply.status)
                return reply
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning(
                "call failed",
                extra={"target": module, "url": url, "error": f"{type(error).__name__}: {error}"},
            )
            raise Unavailable(
                f"The module {module} is not available now. Try again shortly.", "module-unavailable"
            ) from error

    async def _service_token(self, renew: bool) -> str:
        async with self._token_lock:
            if self._token is None or renew or time.monotonic() > self._token_until:
                await self._fetch_token()
            assert self._token is not None
            return self._token

    async def _fetch_token(self) -> None:
        base = self._settings.urls.get(ISSUER)
        if base is None:
            raise Unavailable(f"The module {ISSUER} is off; it issues the tokens for calls.", "module-off")
        secret = self._settings.secret("client_secret")
        if secret is None:
            raise Unavailable(
                "CLIENT_SECRET_FILE was not given, so this module cannot call others.", "not-configured"
            )
        body = orjson.dumps({"client_id": self._settings.service, "client_secret": secret})
        headers = {"Content-Type": "application/json", **_context(None)}
        reply = await self._exchange(ISSUER, "POST", f"{base}/internal/token", body, None, headers, TIMEOUT_S)
        data = reply.data
        if not reply.ok or not isinstance(data, dict) or "access_token" not in data:
            raise Unavailable(
                f"The module {ISSUER} gave no service token (status {reply.status}).", "token-refused"
            )
        self._token = str(data["access_token"])
        self._token_until = time.monotonic() + max(float(data.get("expires_in", 60)) - 30, 1)

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


def _context(company_id: UUID | None) -> dict[str, str]:
    context = {"X-Request-Id": tracing.current_request_id()}
    if company_id is not None:
        context["X-Company-Id"] = str(company_id)
    return {key: value for key, value in context.items() if value}
