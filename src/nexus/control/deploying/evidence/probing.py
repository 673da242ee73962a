"""Probes of the processes that a service is part of, run through the release that is let in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nexus.business.probing import Run, run_probe
from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import Probed, Tried
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Probe

log = logging.getLogger("nexus.control")

SIDE = "X-Nexus-Side"
THIN, BUSY = 3.0, 15.0  # seconds from one run to the next, by whether there are few requests besides


class Probing:
    """Runs probes one after the other until cancelled. Where both sides run, the gateway is told which one is
    to answer; what the other side answers is found out first, and again whenever the new one fails.
    """

    def __init__(self, site: Site, view: View) -> None:
        self._site = site
        self._view = view
        self._address = _address(site, view)
        self._probes = _probes(site, view) if self._address else ()
        self._through: dict[str, list[Tried]] = {probe.name: [] for probe in self._probes}
        self._others: dict[str, list[Tried]] = {probe.name: [] for probe in self._probes}
        self._hurry = asyncio.Event()
        self.thin = True

    @property
    def missing(self) -> bool:
        """Whether there are probes that cannot be sent through the release that is let in."""
        return not self._address and bool(_probes(self._site, self._view))

    def told(self, before: Mapping[str, Sequence[str]]) -> tuple[Probed, ...]:
        """The runs so far. `before` are the steps at which those before the deploy failed ("" = none)."""
        return tuple(
            Probed(
                probe.name,
                tuple(self._through[probe.name]),
                tuple(self._others[probe.name])
                or tuple(_before(step) for step in before.get(probe.name, ())),
            )
            for probe in self._probes
        )

    async def run(self) -> None:
        """Runs every probe again and again."""
        while self._probes:
            for probe in self._probes:
                await self._try(probe)
            await asyncio.sleep(THIN if self.thin else BUSY)

    async def _try(self, probe: Probe) -> None:
        """One run through the new release; while it fails and the other side is well, another one at once."""
        if self._view.next and not self._others[probe.name]:
            await self._run(probe, "stable", self._others)
        tried = await self._run(probe, "candidate", self._through)
        if tried.good:
            return
        if self._view.next and self._view.beside:
            await self._run(probe, "stable", self._others)
        await self._run(probe, "candidate", self._through)

    async def _run(self, probe: Probe, side: str, kept: Mapping[str, list[Tried]]) -> Tried:
        headers = {**probe.headers, **({SIDE: side} if self._view.next else {})}
        try:
            known = await asyncio.to_thread(_read, self._site, probe)
        except OSError as error:
            log.error("probe %s: a secret cannot be read: %s", probe.name, error)
            tried = Tried("secrets", "a secret", str(error))
        else:
            tried = _tried(await run_probe(replace(probe, headers=headers), self._address, known))
        kept[probe.name].append(tried)
        return tried


def _address(site: Site, view: View) -> str:
    """Where a probe meets the release that is let in: the gateway, which can be told the side and whose port
    is on this machine's loopback on every runtime; or the edge, where no side need be told.
    """
    for service in site.stack.of_kind("gateway") or (() if view.next else site.stack.of_kind("edge")):
        return f"http://{LOOPBACK}:{site.ports[service.name]}"
    return ""


def _probes(site: Site, view: View) -> tuple[Probe, ...]:
    return tuple(
        probe
        for probe in site.stack.probes.values()
        if view.service.name in probe.needs and all(site.stack.has(need) for need in probe.needs)
    )


def _read(site: Site, probe: Probe) -> dict[str, str]:
    files: dict[str, Path] = {
        name: site.secret_named(*text.split("/")) for name, text in probe.secrets.items()
    }
    return {name: file.read_text(encoding="utf-8").strip() for name, file in files.items()}


def _tried(run: Run) -> Tried:
    failed = run.failed
    if failed is None:
        return Tried(requests=len(run.steps))
    return Tried(failed.step.name, failed.expected, failed.got)


def _before(step: str) -> Tried:
    return Tried(step)
