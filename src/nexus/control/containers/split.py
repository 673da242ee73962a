"""Who gets requests, of two releases and of instances that leave: told to every gateway through the agent of
telemetry.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiohttp

from nexus.control.candidates import Candidates
from nexus.render.containers.networks import gateway_of
from nexus.runtimes.containers.container import Container
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack.names import TELEMETRY, TELEMETRY_TOKEN

log = logging.getLogger("nexus.control")
POLL = 0.1
TOLD_WITHIN = 5.0  # seconds until gateways have heard who leaves
FRESH = 3.0  # seconds: a gateway asks twice a second, one that has not for so long is cut off
PATIENCE = aiohttp.ClientTimeout(total=2.0)
SILENT = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class Kept(Protocol):
    """What is known of the stack: its candidates, and the containers at the last look."""

    @property
    def candidates(self) -> Candidates: ...

    @property
    def seen(self) -> tuple[Container, ...]: ...


class Split:
    """Tells the gateways of a stack what each candidate gets of its service's requests, and who leaves."""

    def __init__(self, keeper: Kept) -> None:
        self._keeper = keeper
        self._leaving: frozenset[str] = frozenset()  # addresses

    async def share(self, site: Site, shares: Mapping[str, int], limit: float = 10.0) -> None:
        """Returns when every gateway that runs shares requests so, and can reach each candidate with a share.
        `shares` are the percentages of all candidates, those of 0 among them: their instances are asked how
        they are as others are. `limit` is in seconds.

        Raises:
            StartError: not within the limit; says who has not. Or nobody could tell the gateways.
        """
        if not site.stack.collects:
            if not any(shares.values()):
                return
            raise StartError(
                "requests are shared by what the agent of telemetry tells the gateways, and this stack has "
                "none; take `collect: off` out of nexus.yaml and run `nexus up`, or deploy with "
                "--strategy rolling"
            )
        await self._reach(site, lambda: shares, limit)

    @asynccontextmanager
    async def leaving(self, site: Site, containers: Iterable[Container], drain: float) -> AsyncIterator[None]:
        """Is entered when no gateway has or sends requests for these containers any more, at the latest after
        `drain` seconds: then they may end without anybody noticing. Without the agent nobody can be told.
        """
        gone = frozenset(address for each in containers for address in each.addresses if ":" not in address)
        if not gone or not site.stack.collects or not self._agent() or gateway_of(site.stack) is None:
            yield
            return
        self._leaving |= gone
        try:
            try:
                await self._reach(site, self._shares, TOLD_WITHIN, gone, drain)
            except StartError as error:
                log.warning("instances end although a gateway may send them requests: %s", error)
            yield
        finally:
            self._leaving -= gone
            try:
                await self.repeat(site)
            except StartError as error:  # whoever watches the stack tells it again
                log.warning("%s", error)

    async def _reach(
        self,
        site: Site,
        wanted: Callable[[], Mapping[str, int]],
        limit: float,
        gone: Collection[str] = (),
        drain: float = 0.0,
    ) -> None:
        """Returns when every gateway shares requests as `wanted` says, and has none for the addresses `gone`.

        Raises:
            StartError: a gateway was behind for `limit` seconds; after `drain` seconds one still has some.
        """
        began = well = time.monotonic()
        version = ""
        async with _session(site) as http:
            while True:
                shares = wanted()
                try:
                    if version != version_of(shares, self._leaving):
                        await _tell(http, shares, self._leaving)
                        version = version_of(shares, self._leaving)
                    seen = await _seen(http)
                    if seen["version"] == version:
                        behind = tuple(self._behind(site, shares, seen))
                        busy = () if behind else tuple(self._busy(site, seen, gone))
                    else:  # no longer, when the agent has begun anew
                        version, behind, busy = "", ("the agent begins anew",), ()
                except SILENT as error:
                    why = f"the agent of telemetry does not answer: {error or type(error).__name__}"
                    version, behind, busy = "", (why,), ()
                now = time.monotonic()
                if not behind and not busy:
                    return
                if not behind:
                    well = now
                if now - well > limit or now - began > limit + drain:
                    lasted, said = now - began, "; ".join((*behind, *busy))
                    raise StartError(f"requests are not shared after {lasted:.0f} s: {said}")
                await asyncio.sleep(POLL)

    async def repeat(self, site: Site) -> None:
        """Tells the agent again when it does not know how requests are shared now: it has begun anew, or was
        away when that changed. Does nothing while it does not run.

        Raises:
            StartError: it does not answer.
        """
        if not self._agent() or gateway_of(site.stack) is None:
            return
        shares = self._shares()
        try:
            async with _session(site) as http:
                if (await _seen(http))["version"] != version_of(shares, self._leaving):
                    await _tell(http, shares, self._leaving)
        except SILENT as error:
            raise StartError(
                f"the agent of telemetry does not answer: {error or type(error).__name__}"
            ) from error

    def _agent(self) -> bool:
        return any(each.service == TELEMETRY and each.state == "ready" for each in self._keeper.seen)

    def _shares(self) -> dict[str, int]:
        return {name: each.weight for name, each in self._keeper.candidates.all().items()}

    def _behind(self, site: Site, shares: Mapping[str, int], seen: Mapping[str, Any]) -> Iterator[str]:
        """Which gateways do not share requests so, and why."""
        wanted = {name for name, percent in shares.items() if percent}
        running = self._running(site)
        gateway = gateway_of(site.stack)
        assert gateway is not None  # a candidate is let in behind a gateway alone
        if wanted and not running:
            yield f"no instance of {gateway.name} is ready"
        for each in running:
            said = _said(each, seen)
            if said is None:  # whoever speaks in its name from another address is not heard
                yield f"{each.instance} does not ask the agent for its shares"
            elif said["have"] != version_of(shares, self._leaving):
                yield f"{each.instance} has not taken them"
            elif lost := sorted(wanted - set(said["serving"])):
                yield f"{each.instance} does not reach the new release of {', '.join(lost)}"

    def _busy(self, site: Site, seen: Mapping[str, Any], gone: Collection[str]) -> Iterator[str]:
        """Which gateways may have requests for these addresses, in workers that a reload replaced, too."""
        for each in self._running(site):
            if not gone or (said := _said(each, seen)) is None:
                continue
            workers = (said, *said.get("former", ()))
            if any(worker["have"] != said["have"] for worker in workers):
                yield f"a former worker of {each.instance} has not heard of it"
            elif count := sum(worker["busy"].get(address, 0) for worker in workers for address in gone):
                yield f"{each.instance} has {count} requests there"

    def _running(self, site: Site) -> list[Container]:
        gateway = gateway_of(site.stack)
        name = gateway.name if gateway else None
        return [each for each in self._keeper.seen if each.service == name and each.state == "ready"]


def _said(gateway: Container, seen: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a gateway told the agent just now."""
    heard = {address: told for address, told in seen["gateways"].items() if told["ago"] <= FRESH}
    told = (heard[address] for address in gateway.addresses & heard.keys())
    return next((one for one in told if one["who"] == gateway.id), None)


def version_of(shares: Mapping[str, int], leaving: Iterable[str] = ()) -> str:
    """The name of a state of things: equal ones have equal names, whoever tells them and when."""
    state = json.dumps([dict(sorted(shares.items())), sorted(leaving)])
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def _session(site: Site) -> aiohttp.ClientSession:
    """Requests to the agent over loopback, with the token that only the host and the agent have.

    Raises:
        StartError: there is no token.
    """
    file = site.home.secret(TELEMETRY, TELEMETRY_TOKEN)
    if not file.exists():
        raise StartError(f"the secret {file} is missing; `nexus up` makes it anew")
    headers = {"Authorization": f"Bearer {file.read_text().strip()}"}
    return aiohttp.ClientSession(
        f"http://{LOOPBACK}:{site.telemetry_port}",
        headers=headers,
        timeout=PATIENCE,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def _tell(http: aiohttp.ClientSession, shares: Mapping[str, int], leaving: Iterable[str]) -> None:
    told = {
        "version": version_of(shares, leaving),
        "shares": dict(shares),
        "leaving": sorted(leaving),
    }
    async with http.put("/traffic", json=told) as answer:
        await _checked(answer)


async def _seen(http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get("/traffic/seen") as answer:
        found: dict[str, Any] = await _checked(answer)
        return found


async def _checked(answer: aiohttp.ClientResponse) -> Any:
    """The answer's JSON.

    Raises:
        ValueError: it is a refusal.
    """
    if answer.status == 404:
        raise ValueError("it is of an older release of the platform; `nexus up` replaces it")
    if answer.status != 200:
        raise ValueError(f"it answers {answer.status}: {(await answer.text())[:200]}")
    return await answer.json()
