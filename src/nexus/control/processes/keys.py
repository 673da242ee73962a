"""The gateway's verification keys: fetched from the module that publishes them, kept as PEM files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from nexus.control.processes.places import KEYS_INDEX
from nexus.render import VerifyKey
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import LOOPBACK
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

log = logging.getLogger("nexus.control")

FETCH_EVERY = 5.0
FETCH_TIMEOUT = 3.0
KID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Keys:
    """The public keys that the stack's gateway verifies tokens with."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        self._keeper = keeper
        self._task: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    def publisher(self) -> Service | None:
        """The service whose manifest names a JWKS address."""
        site = self._keeper.site
        return next((s for s in site.stack.services if s.jwks), None) if site else None

    def gateway(self) -> Service | None:
        """The proxy that verifies tokens."""
        site = self._keeper.site
        return (
            next((g for g in site.stack.of_kind("gateway") if g.runtime == "haproxy"), None) if site else None
        )

    @property
    def needed(self) -> bool:
        """Whether this stack has a gateway and a module that publishes keys for it."""
        return self.publisher() is not None and self.gateway() is not None

    def known(self) -> tuple[VerifyKey, ...]:
        """The keys on disk."""
        folder = self._folder()
        if folder is None or not (folder / KEYS_INDEX).exists():
            return ()
        names: dict[str, str] = json.loads((folder / KEYS_INDEX).read_text())
        return tuple(VerifyKey(kid, folder / name) for kid, name in sorted(names.items()))

    def watch(self) -> None:
        """From now on, new keys reach the gateway by themselves."""
        if self._task is None and self.needed:
            self._task = asyncio.create_task(self._watch(), name="keys")

    async def renew(self) -> bool:
        """Fetches the keys; where they differ from those known, the gateway is reloaded.

        Raises:
            StartError: the publisher did not answer as it should.
        """
        publisher, gateway, folder = self.publisher(), self.gateway(), self._folder()
        if publisher is None or gateway is None or folder is None:
            return False
        fresh = await self._fetch(publisher)
        if not fresh:
            raise StartError(f"{publisher.name} publishes no RS256 key under {publisher.jwks}")
        names = {kid: f"{hashlib.sha256(pem.encode()).hexdigest()[:16]}.pem" for kid, pem in fresh.items()}
        if names == {key.kid: key.path.name for key in self.known()}:
            return False
        account = self._keeper.account(gateway.name)
        accounts.private_folder(folder, account)
        for kid, pem in fresh.items():
            accounts.private_file(folder / names[kid], pem, account)
        accounts.private_file(folder / KEYS_INDEX, json.dumps(names), None)
        for stale in set(folder.glob("*.pem")) - {folder / name for name in names.values()}:
            stale.unlink()
        log.info("verification keys changed: %s", ", ".join(sorted(fresh)))
        supervisor = self._keeper.supervisor
        if supervisor is not None:
            await supervisor.reload(gateway)
        return True

    async def close(self) -> None:
        """Stops watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _folder(self) -> Path | None:
        gateway = self.gateway()
        return self._keeper.home.config(gateway.name) / "keys" if gateway else None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(FETCH_EVERY)
            publisher = self.publisher()
            supervisor = self._keeper.supervisor
            if publisher is None or supervisor is None:
                continue
            if any(instance.state == "ready" for instance in supervisor.of(publisher.name, "stable")):
                try:
                    await self.renew()
                except (StartError, OSError) as error:
                    log.warning("the verification keys could not be renewed: %s", error)

    async def _fetch(self, publisher: Service) -> dict[str, str]:
        supervisor = self._keeper.supervisor
        ready = (
            [i for i in supervisor.of(publisher.name, "stable") if i.state == "ready"] if supervisor else []
        )
        if not ready:
            raise StartError(f"{publisher.name} is not ready, so its keys cannot be fetched")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_TIMEOUT))
        url = f"http://{LOOPBACK}:{ready[0].slot.port}{publisher.jwks}"
        try:
            async with self._session.get(url) as answer:
                answer.raise_for_status()
                return to_pem(await answer.json())
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise StartError(f"{publisher.name} does not tell its keys ({url}): {error}") from error


def to_pem(jwks: dict[str, Any]) -> dict[str, str]:
    """The RS256 keys of a JWKS document: {kid: PEM of the public key}."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found = {}
    for key in jwks["keys"]:
        if key.get("kty") != "RSA" or key.get("alg", "RS256") != "RS256":
            continue
        kid = key.get("kid")
        if not isinstance(kid, str) or not KID.fullmatch(kid):
            continue
        public = RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        found[kid] = pem.decode()
    return found


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
