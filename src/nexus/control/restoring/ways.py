"""Going the ways of users once, after a restore: each probe of the stack, through its edge."""

from __future__ import annotations

from pathlib import Path

from nexus.business.declared import declared_probes
from nexus.business.probing import run_probe
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Probe, Stack

ATTEMPTS = 3  # modules that have just started warm up


def can_go(stack: Stack) -> bool:
    """Whether there is a way to go, and an edge to go through."""
    able = [each for each in stack.probes.values() if all(map(stack.has, each.needs))]
    return bool(stack.of_kind("edge")) and bool(able)


async def go(site: Site) -> None:
    """Goes each of them.

    Raises:
        StartError: one fails; says at which step, and what was got instead.
    """
    edge = site.stack.of_kind("edge")[0]
    address = f"http://{LOOPBACK}:{site.ports[edge.name]}"
    failed = []
    for name, told in declared_probes(site.stack, site.secret_named).items():
        if told["off"]:
            continue
        probe = Probe.from_dict(told["probe"])
        known = {key: Path(file).read_text().strip() for key, file in told["secret_files"].items()}
        if why := await _why_it_fails(probe, address, known):
            failed.append(f"probe {name}: {why}")
    if failed:
        raise StartError("; ".join(failed))


async def _why_it_fails(probe: Probe, address: str, known: dict[str, str]) -> str:
    why = ""
    for _ in range(ATTEMPTS):
        run = await run_probe(probe, address, known)
        if run.failed is None:
            return ""
        why = f"step {run.failed.step.name!r}: expected {run.failed.expected}, got {run.failed.got}"
    return why
