"""Access tokens: RS256 signatures checked against the published keys, results cached until they expire."""

from __future__ import annotations

import asyncio
import hashlib
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from typing import Any, Protocol
from uuid import UUID

import jwt
import orjson

from nexus_kit.logs import log
from nexus_kit.principal import Principal
from nexus_kit.problems import Problem, Unavailable, problem

ISSUER = AUDIENCE = "nexus"
MAX_CACHED = 4096
MAX_TOKEN_BYTES = 16384
REFRESH_S = 300.0
REFETCH_PAUSE_S = 2.0
FETCH_TIMEOUT_S = 2.0


class Revocations(Protocol):
    """Knows which sessions have been ended before their tokens expire."""

    def __contains__(self, session_id: object) -> bool: ...


class KeySet:
    """The public keys of the token issuer: fetched when needed, kept when the issuer is down."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._keys: dict[str, Any] = {}
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, kid: str) -> Any | None:
        """Return the key ``kid``, or None when the issuer does not publish it.

        Raises Unavailable (503) when no keys could be fetched yet.
        """
        key = self._keys.get(kid)
        age = time.monotonic() - self._fetched
        if key is not None and age < REFRESH_S:
            return key
        if age > REFETCH_PAUSE_S:
            await self.refresh(older_than=self._fetched)
        if not self._keys:
            raise Unavailable("The keys that verify access tokens cannot be fetched now.", "keys-unavailable")
        return self._keys.get(kid)

    def holds(self, kid: str) -> bool:
        """Whether the issuer published the key ``kid`` when it was last asked."""
        return kid in self._keys

    async def refresh(self, older_than: float | None = None) -> bool:
        """Fetch the keys; on failure the ones at hand stay. Returns whether it worked."""
        if self._url is None:
            return False
        async with self._lock:
            if older_than is not None and self._fetched != older_than:
                return True
            self._fetched = time.monotonic()
            try:
                body = await asyncio.to_thread(_fetch, self._url)
                self._keys = _parse(body)
            except (OSError, ValueError, urllib.error.URLError) as error:
                log.warning("keys cannot be fetched", extra={"url": self._url, "error": str(error)})
                return False
            return True


def _fetch(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"NEXUS_JWKS_URL={url!r} is not an http URL")
    with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT_S) as answer:
        body: bytes = answer.read(1 << 20)
    return body


def _parse(body: bytes) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for entry in orjson.loads(body)["keys"]:
        if (
            entry.get("kty") == "RSA"
            and entry.get("use", "sig") == "sig"
            and entry.get("alg", "RS256") == "RS256"
        ):
            keys[entry["kid"]] = jwt.PyJWK.from_dict(entry, algorithm="RS256").key
    if not keys:
        raise ValueError("the key set holds no RS256 key")
    return keys


class TokenVerifier:
    """Turns a bearer token into a Principal, or into a 401."""

    def __init__(self, keys: KeySet, revoked: Revocations) -> None:
        self._keys = keys
        self._revoked = revoked
        self._cache: OrderedDict[bytes, tuple[float, str, Principal]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Return who the token speaks for. Raises Problem 401 (bad, expired, ended) or 503 (no keys yet)."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = self._cache.get(digest)
        if found is not None and found[0] > time.time() and self._keys.holds(found[1]):
            self._cache.move_to_end(digest)
            principal = found[2]
        else:
            expires, kid, principal = await self._decode(token)
            self._cache[digest] = (expires, kid, principal)
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        if principal.session_id is not None and principal.session_id in self._revoked:
            raise unauthorized("session-revoked", "This session has ended. Log in again.")
        return principal

    async def _decode(self, token: str) -> tuple[float, str, Principal]:
        if len(token) > MAX_TOKEN_BYTES:
            raise unauthorized("invalid-token", "The access token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256" or not isinstance(header.get("kid"), str):
                raise unauthorized(
                    "invalid-token", "The access token must be signed with RS256 by a named key."
                )
            key = await self._keys.get(header["kid"])
            if key is None:
                raise unauthorized("invalid-token", "The access token is signed by an unknown key.")
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "iss", "aud"]},
            )
            return float(claims["exp"]), header["kid"], Principal.from_claims(claims)
        except jwt.ExpiredSignatureError:
            raise unauthorized("token-expired", "The access token has expired. Refresh it.") from None
        except (jwt.InvalidTokenError, ValueError, KeyError, TypeError):
            raise unauthorized("invalid-token", "The access token is not valid.") from None


class RevokedSessions:
    """Sessions ended before their tokens expired, each remembered until its last token is void."""

    def __init__(self) -> None:
        self._until: dict[UUID, float] = {}

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._until

    def add(self, session_id: UUID, seconds: float) -> None:
        """Remember ``session_id`` for ``seconds``; forget what is void by now."""
        now = time.time()
        if len(self._until) % 256 == 255:
            self._until = {key: until for key, until in self._until.items() if until > now}
        self._until[session_id] = now + seconds


def unauthorized(slug: str, detail: str) -> Problem:
    """A 401 with the challenge RFC 6750 asks for."""
    return problem(401, slug, detail, headers={"WWW-Authenticate": 'Bearer realm="nexus"'})
