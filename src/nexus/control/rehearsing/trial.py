"""One try of releases on the copy: they start, are ready, the books are right, and users are served."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nexus.business.declared import declared_probes
from nexus.business.probing import run_probe
from nexus.control.addresses import planned
from nexus.control.rehearsing.commands import Commands, Said
from nexus.control.rehearsing.homes import free_offset
from nexus.control.rehearsing.reading import Reads, read_releases
from nexus.migrations.rehearsing.report import Smoke, SmokeState
from nexus.migrations.rehearsing.sentence import Say, Sentence
from nexus.releases import Release
from nexus.runtimes.home import Home
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Probe, Stack

WHOLE = "stack"  # what a failure is told of that is no single module's
ATTEMPTS = 2  # of a probe, and of ports: a machine that rehearses is a busy one
REFUSED = 2  # the exit code of `nexus up` when it was not begun


@dataclass(frozen=True)
class Trial:
    """Where releases are tried. `unable`: modules that cannot be started here, and why.

    `offended`: see `Smoking`.
    """

    stack: Stack
    commands: Commands
    unable: Mapping[str, str]
    offended: frozenset[str]
    say: Say

    async def round(self, releases: Mapping[str, Release]) -> tuple[Smoke, ...]:
        """Starts the stack and tells what became of these releases."""
        able = [each.name for each in self.stack.of_kind("module", "gateway") if each.name not in self.unable]
        only = ("--only", ",".join(able)) if self.unable else ()
        offset, up = await self._up(only)
        status = (await self.commands.run("status", "--json", limit=60.0)).json()
        found = [
            smoke_of(release, "skipped", self.unable[name])
            if name in self.unable
            else _judged(release, _service(status, name), up)
            for name, release in releases.items()
        ]
        if up.code == 0:
            edge = self._edge(status)
            found = await self._read(found, releases, edge)
            found += await self._checked()
            found += await self._probed(edge, offset)
        elif not any(each.state == "failed" for each in found):
            found.append(Smoke(WHOLE, "", "", "failed", f"nexus up: {up.last}"))
        return tuple(found)

    async def _up(self, only: tuple[str, ...]) -> tuple[int, Said]:
        """How far the ports were moved, and how it went; others may have been quicker to take the ports."""
        tried: list[int] = []
        while True:
            offset = await asyncio.to_thread(free_offset, self.stack, tried)
            self.say(Sentence("the releases are started on the copy, their ports moved by {n}", n=offset))
            up = await self.commands.run("up", "--runtime", "process", "--port-offset", str(offset), *only)
            tried.append(offset)
            if up.code != REFUSED or len(tried) == ATTEMPTS:
                return offset, up

    async def _read(self, found: list[Smoke], releases: Mapping[str, Release], edge: str) -> list[Smoke]:
        """The same, with what releases that are ready answer to what users read."""
        well = {each.module: releases[each.module] for each in found if each.state == "passed"}
        if not edge or not well:
            why = "the stack has no edge to read through"
            return [replace(each, sentence=why) if each.state == "passed" else each for each in found]
        self.say(Sentence("the releases are asked on the copy for what users read"))
        folders = {name: _brick(self.commands.home, each) for name, each in well.items()}
        reads = await read_releases(edge, self.commands.home, well, folders)
        return [_with(each, reads[each.module]) if each.module in reads else each for each in found]

    async def _checked(self) -> list[Smoke]:
        """What of the invariants does not hold while the releases run, and did before."""
        self.say(Sentence("the invariants are asked while the releases run"))
        said = await self.commands.run("check", "--json", limit=300.0)
        told = said.json()
        if "invariants" not in told:
            return [Smoke(WHOLE, "", "", "failed", f"nexus check: {said.last}")]
        new = sorted({each["name"] for each in told["invariants"] if not each["ok"]} - self.offended)
        return [Smoke(WHOLE, "", "", "failed", f"nexus check: {', '.join(new)} does not hold")] if new else []

    async def _probed(self, edge: str, offset: int) -> list[Smoke]:
        """What users would meet: each of the stack's probes through the edge of the copy."""
        site = Site(self.stack, self.commands.home, planned(self.stack, offset))
        found = []
        for name, told in declared_probes(self.stack, site.secret_named).items():
            probe = Probe.from_dict(told["probe"])
            if not edge or told["off"] or self.unable.keys() & set(probe.needs):
                self.say(Sentence("probe {name} was not run: what it needs is off", name=name))
                continue
            self.say(Sentence("probe {name} is run on the copy", name=name))
            why = await _why_it_fails(probe, edge, told)
            found.append(Smoke(f"probe {name}", "", "", "failed" if why else "passed", why))
        return found

    def _edge(self, status: Mapping[str, Any]) -> str:
        """The edge's address, "" where there is none, or nothing tells its port: it is another where its own
        is not permitted.
        """
        edges = self.stack.of_kind("edge")
        port = _service(status, edges[0].name).get("port") if edges else None
        return f"http://{LOOPBACK}:{port}" if port else ""


def _with(smoke: Smoke, reads: Reads) -> Smoke:
    if reads.broken:
        return replace(smoke, state="failed", sentence=reads.broken)
    return replace(smoke, requests=reads.answered, sentence=reads.why)


def _brick(home: Home, release: Release) -> Path:
    """Where the brick of a release lies in the copy's home."""
    place = home.releases / release.service / release.digest
    manifests = sorted(place.rglob("module.yaml"))
    return manifests[0].parent if manifests else place


def smoke_of(release: Release, state: SmokeState, sentence: str = "") -> Smoke:
    """What became of a release."""
    return Smoke(release.service, release.version, release.id, state, sentence)


async def _why_it_fails(probe: Probe, address: str, told: Mapping[str, Any]) -> str:
    why = ""
    for _ in range(ATTEMPTS):
        known = {key: Path(file).read_text().strip() for key, file in told["secret_files"].items()}
        run = await run_probe(probe, address, known)
        if run.failed is None:
            return ""
        why = f"step {run.failed.step.name!r}: expected {run.failed.expected}, got {run.failed.got}"
    return why


def ready(status: Mapping[str, Any], name: str) -> bool:
    """Whether `nexus status --json` tells of a ready instance of a service."""
    return any(each.get("state") == "ready" for each in _service(status, name).get("instances", ()))


def _service(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((each for each in status.get("services", ()) if each["name"] == name), {})


def _judged(release: Release, service: Mapping[str, Any], up: Said) -> Smoke:
    """A release is well when one of its instances is ready."""
    instances = [each for each in service.get("instances", ()) if each.get("release") == release.id]
    if any(each.get("state") == "ready" for each in instances):
        return smoke_of(release, "passed")
    return smoke_of(release, "failed", " / ".join(_reasons(instances)) or f"it did not start: {up.last}")


def _reasons(instances: Collection[Mapping[str, Any]]) -> Iterator[str]:
    for each in instances:
        why = each.get("why") or ""
        yield f"{each.get('id')} is {each.get('state')}" + (f": {why}" if why else "")
