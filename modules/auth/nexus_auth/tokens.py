"""Access tokens (signed JWT) for people and for modules, and the opaque tokens that are kept as hashes."""

import base64
import hashlib
import hmac
import secrets
import time
from typing import Any
from uuid import UUID

import jwt
from nexus_kit import Tx, new_id

from nexus_auth.keys import KeyRing
from nexus_auth.policy import Policy

ISSUER = AUDIENCE = "nexus"


class Mint:
    """Makes the tokens that other modules and the gateway trust."""

    def __init__(self, policy: Policy, ring: KeyRing) -> None:
        self._ttl = policy.access_ttl
        self._ring = ring

    async def for_user(
        self, tx: Tx, *, user_id: UUID, company_id: UUID, session_id: UUID, email: str, permissions: list[str]
    ) -> str:
        """An access token for a person's session."""
        return await self._sign(
            tx,
            sub=str(user_id),
            cid=str(company_id),
            sid=str(session_id),
            email=email,
            permissions=permissions,
        )

    async def for_service(self, tx: Tx, service: str, company_id: UUID | None) -> str:
        """An access token for a module: it has no permissions and opens internal endpoints only."""
        company = {"cid": str(company_id)} if company_id else {}
        return await self._sign(tx, sub=f"service:{service}", svc=service, **company)

    async def _sign(self, tx: Tx, **claims: Any) -> str:
        kid, key = await self._ring.signer(tx)
        now = int(time.time())
        claims |= {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + self._ttl, "jti": str(new_id())}
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


def fresh_token() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def successor(token: str, secret: bytes) -> str:
    """The one refresh token that follows `token`: the same whoever asks, unguessable without `secret`.

    So two racing requests of one client get the same successor and the family never forks.
    """
    digest = hmac.new(secret, token.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def digest(token: str) -> bytes:
    """What is kept of an opaque token. It has full entropy, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).digest()
