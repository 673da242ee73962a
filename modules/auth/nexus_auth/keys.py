"""Signing keys: three states (next, active, retired), at most one key in each of the first two.

The next key is published before it signs anything; a retired key stays published until the last token it
signed has expired. Private halves are sealed in the database and erased at retirement.
"""

import asyncio
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import RSAAlgorithm
from nexus_kit import Tx, new_id, problem
from nexus_kit.sealing import Sealer

from nexus_auth.policy import Policy

LEEWAY = 60
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('auth.signing_keys', 0))"


class KeyRing:
    """The signing keys as one instance sees them; the database is the truth, opened keys are cached."""

    def __init__(self, policy: Policy, sealer: Sealer) -> None:
        self._policy = policy
        self._sealer = sealer
        self._opened: dict[str, RSAPrivateKey] = {}

    async def signer(self, tx: Tx) -> tuple[str, RSAPrivateKey]:
        """Id and private half of the key that signs now; asked anew for each token."""
        row = await tx.fetchrow("SELECT kid, sealed_private FROM signing_keys WHERE state = 'active'")
        if row is None:
            raise problem(503, "no-signing-key", "The keys that sign tokens are being made; try again.")
        kid: str = row["kid"]
        key = self._opened.get(kid)
        if key is None:
            der = self._sealer.open(row["sealed_private"], f"signing_keys/{kid}")
            loaded = load_der_private_key(der, None)
            if not isinstance(loaded, RSAPrivateKey):
                raise TypeError(f"signing_keys/{kid} holds no RSA key")
            self._opened = {kid: loaded}
            key = loaded
        return kid, key

    async def published(self, tx: Tx) -> list[dict[str, str]]:
        """The JWKs that verifiers may trust: next, active, and retired ones with tokens still alive."""
        rows = await tx.fetch(
            "SELECT public_jwk FROM signing_keys WHERE verify_until IS NULL OR verify_until > now()"
            " ORDER BY created_at, kid"
        )
        return [row["public_jwk"] for row in rows]

    async def ensure(self, tx: Tx) -> bool:
        """Make the first active and next key when there are none. Returns whether any was made."""
        if await self._complete(tx):
            return False
        await tx.execute(LOCK)
        if await self._complete(tx):
            return False
        if not await tx.fetchval("SELECT EXISTS (SELECT FROM signing_keys WHERE state = 'active')"):
            await self._insert(tx, "active", lead=0)
        if not await tx.fetchval("SELECT EXISTS (SELECT FROM signing_keys WHERE state = 'next')"):
            await self._insert(tx, "next", lead=0)
        return True

    async def rotate(self, tx: Tx, revoke_old: bool = False) -> dict[str, str]:
        """The next key becomes active, the active one retires, a new next one is published.

        revoke_old: tokens of the old key are void as soon as verifiers fetch the JWKS again (a leaked key).
        Raises a 409 problem while the next key is so young that a verifier may not know it.
        """
        await tx.execute(LOCK)
        upcoming = await tx.fetchrow(
            "SELECT kid, usable_from, usable_from <= now() AS usable,"
            " ceil(extract(epoch FROM usable_from - now()))::int AS wait"
            " FROM signing_keys WHERE state = 'next'"
        )
        if upcoming is None:
            raise problem(503, "no-signing-key", "The next signing key is being made; try again.")
        if not upcoming["usable"]:
            raise problem(
                409,
                "next-key-too-young",
                f"The next key was published moments ago and not every verifier knows it: retry in"
                f" {upcoming['wait']} s.",
                retry_after=upcoming["wait"],
            )
        keep = 0 if revoke_old else self._policy.access_ttl + LEEWAY
        retired: str = await tx.fetchval(
            "UPDATE signing_keys SET state = 'retired', sealed_private = NULL, retired_at = now(),"
            " verify_until = now() + $1 WHERE state = 'active' RETURNING kid",
            timedelta(seconds=keep),
        )
        await tx.execute(
            "UPDATE signing_keys SET state = 'active', activated_at = now() WHERE kid = $1", upcoming["kid"]
        )
        fresh = await self._insert(tx, "next", lead=self._policy.key_lead)
        return {"active": upcoming["kid"], "next": fresh, "retired": retired}

    async def due(self, tx: Tx) -> bool:
        """Whether the active key has signed for long enough and the next one may take over."""
        return bool(
            await tx.fetchval(
                "SELECT EXISTS (SELECT FROM signing_keys a, signing_keys n WHERE a.state = 'active'"
                " AND a.activated_at < now() - $1::interval AND n.state = 'next' AND n.usable_from <= now())",
                timedelta(seconds=self._policy.key_age),
            )
        )

    async def _complete(self, tx: Tx) -> bool:
        keys: int = await tx.fetchval("SELECT count(*) FROM signing_keys WHERE state <> 'retired'")
        return keys == 2

    async def _insert(self, tx: Tx, state: str, lead: int) -> str:
        key = await asyncio.to_thread(generate_private_key, 65537, 2048)
        kid = str(new_id())
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        await tx.execute(
            "INSERT INTO signing_keys (kid, public_jwk, sealed_private, state, usable_from, activated_at)"
            " VALUES ($1, $2, $3, $4, now() + $5, CASE WHEN $4 = 'active' THEN now() END)",
            kid,
            public_jwk(kid, key),
            self._sealer.seal(der, f"signing_keys/{kid}"),
            state,
            timedelta(seconds=lead),
        )
        return kid


def public_jwk(kid: str, key: RSAPrivateKey) -> dict[str, str]:
    """The public half as RFC 7517 wants it."""
    numbers: dict[str, str] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": numbers["n"],
        "e": numbers["e"],
    }
