"""Each running release against the new schema: a whole stack on the copy, asked as users ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nexus.business.declared import declared_probes
from nexus.business.probing import run_probe
from nexus.control.addresses import planned
from nexus.control.rehearsing.commands import Commands, Said
from nexus.control.rehearsing.homes import free_offset, furnish, remove
from nexus.migrations.rehearsing.report import Smoke
from nexus.migrations.rehearsing.scratch import Scratch
from nexus.releases import Catalogue, Release
from nexus.runtimes.home import Home
from nexus.runtimes.process.drivers import DRIVERS
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Probe, Service, Stack

WHOLE = "stack"  # what a failure is told of that is no single module's
ATTEMPTS = 2  # of a probe: a machine that rehearses is a busy one


@dataclass(frozen=True)
class Smoking:
    """What is tried: the stack of `living`, its services as their releases have them.

    `candidates`: service → a release that runs beside the stable one. `offended`: invariants that do not hold
    on the living data either. `say` gets what happens.
    """

    living: Site
    service: str
    candidates: tuple[tuple[str, str], ...] = ()
    offended: frozenset[str] = frozenset()
    say: Callable[[str], None] = lambda sentence: None

    async def __call__(self, there: Scratch) -> tuple[Smoke, ...]:
        """Tries all; the scratch server is stopped, and its data is used up."""
        stable = self._stable()
        if not stable:
            return (Smoke(WHOLE, "", "", "skipped", "nothing is released yet; `nexus up` makes releases"),)
        unable = _unable(self.living.stack)
        if any(service.kind != "module" for service in unable.values()):
            names = ", ".join(sorted(name for name, each in unable.items() if each.kind != "module"))
            why = f"{names} does not run as a plain process"
            return tuple(_smoke(each, "skipped", why) for each in stable.values())
        await there.cluster.stop()
        home = await asyncio.to_thread(furnish, self.living.home, there, self.service)
        commands = Commands(home, self.living.stack.root)
        try:
            found = await self._round(commands, home, stable, unable)
            for service, release in self.candidates:
                found += await self._candidate(commands, home, service, release, unable)
        finally:
            trouble = await asyncio.shield(commands.take_down(self.living.stack.name))
            remove(home)
        if trouble:
            self.say(f"the stack on the copy was not taken down orderly: {trouble}")
        return found

    def _stable(self) -> dict[str, Release]:
        """Module → its stable release."""
        if not self.living.home.database.exists():
            return {}
        with closing(Catalogue(self.living.home.database)) as catalogue:
            found = {name: catalogue.find(name, id) for name, id in catalogue.stable().items()}
        modules = {service.name for service in self.living.stack.of_kind("module")}
        return {name: release for name, release in found.items() if name in modules}

    async def _candidate(
        self, commands: Commands, home: Home, service: str, release: str, unable: Mapping[str, Service]
    ) -> tuple[Smoke, ...]:
        """The release that is being let in, in the place of the stable one."""
        await commands.run("down")
        with closing(Catalogue(home.database)) as catalogue:
            catalogue.make_stable({service: release}, "rehearsed")
            chosen = {service: catalogue.find(service, release)}
        return await self._round(commands, home, chosen, unable)

    async def _round(
        self, commands: Commands, home: Home, releases: Mapping[str, Release], unable: Mapping[str, Service]
    ) -> tuple[Smoke, ...]:
        stack = self.living.stack
        offset = await asyncio.to_thread(free_offset, stack)
        modules = [each.name for each in stack.of_kind("module", "gateway") if each.name not in unable]
        only = ("--only", ",".join(modules)) if unable else ()
        self.say(f"the releases are started on the copy, their ports moved by {offset}")
        up = await commands.run("up", "--runtime", "process", "--port-offset", str(offset), *only)
        status = (await commands.run("status", "--json", limit=60.0)).json()
        found = [
            _smoke(release, "skipped", "it runs from an image")
            if name in unable
            else _judged(release, _service(status, name), up)
            for name, release in releases.items()
        ]
        if up.code and not any(each.state == "failed" for each in found):
            found.append(Smoke(WHOLE, "", "", "failed", f"nexus up: {up.last}"))
        if up.code == 0:
            found += await self._checked(commands)
            found += await self._probed(home, stack, offset, unable)
        return tuple(found)

    async def _checked(self, commands: Commands) -> list[Smoke]:
        """What of the invariants does not hold while the releases run, and did before."""
        self.say("the invariants are asked while the releases run")
        said = await commands.run("check", "--json", limit=300.0)
        told = said.json()
        if "invariants" not in told:
            return [Smoke(WHOLE, "", "", "failed", f"nexus check: {said.last}")]
        broken = [each["name"] for each in told["invariants"] if not each["ok"]]
        new = sorted(set(broken) - self.offended)
        return [Smoke(WHOLE, "", "", "failed", f"nexus check: {', '.join(new)} does not hold")] if new else []

    async def _probed(self, home: Home, stack: Stack, offset: int, unable: Collection[str]) -> list[Smoke]:
        """What users would meet: each of the stack's probes through the edge of the copy."""
        edges = stack.of_kind("edge")
        site = Site(stack, home, planned(stack, offset))
        failed = []
        for name, told in declared_probes(stack, site.secret_named).items():
            probe = Probe.from_dict(told["probe"])
            if not edges or told["off"] or set(probe.needs) & set(unable):
                self.say(f"probe {name} was not run: what it needs is off")
                continue
            self.say(f"probe {name} is run on the copy")
            why = await _why_probe_fails(probe, f"http://{LOOPBACK}:{site.ports[edges[0].name]}", told)
            if why:
                failed.append(Smoke(WHOLE, "", "", "failed", f"probe {name}: {why}"))
        return failed


async def _why_probe_fails(probe: Probe, address: str, told: Mapping[str, Any]) -> str:
    why = ""
    for _ in range(ATTEMPTS):
        known = {key: Path(file).read_text().strip() for key, file in told["secret_files"].items()}
        run = await run_probe(probe, address, known)
        if run.failed is None:
            return ""
        why = f"step {run.failed.step.name!r}: expected {run.failed.expected}, got {run.failed.got}"
    return why


def _unable(stack: Stack) -> dict[str, Service]:
    """The services that have no program here: they run from images."""
    return {service.name: service for service in stack.services if service.runtime not in DRIVERS}


def _smoke(release: Release, state: Any, sentence: str = "") -> Smoke:
    return Smoke(release.service, release.version, release.id, state, sentence)


def _service(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((each for each in status.get("services", ()) if each["name"] == name), {})


def _judged(release: Release, service: Mapping[str, Any], up: Said) -> Smoke:
    """A release is well when one of its instances is ready."""
    instances = [each for each in service.get("instances", ()) if each.get("release") == release.id]
    if any(each.get("state") == "ready" for each in instances):
        return _smoke(release, "passed")
    return _smoke(release, "failed", " / ".join(_reasons(instances)) or f"it did not start: {up.last}")


def _reasons(instances: Collection[Mapping[str, Any]]) -> Iterator[str]:
    for each in instances:
        why = each.get("why") or ""
        yield f"{each.get('id')} is {each.get('state')}" + (f": {why}" if why else "")


def with_offended(smoking: Smoking, names: Collection[str]) -> Smoking:
    """The same, knowing which invariants do not hold anyway."""
    return replace(smoking, offended=frozenset(names))
