"""What is asked of a stack that was restored: each answer is a finding, whatever it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from nexus.business.declared import declared_probes
from nexus.business.probing import run_probe
from nexus.control.addresses import planned
from nexus.control.drilling.beside import Beside
from nexus.control.rehearsing.trial import ready as is_ready
from nexus.migrations.rehearsing.sentence import Sentence
from nexus.postgres import ServerFailed, programs
from nexus.recovery.drilling.proving import CHECKED, PROBED, READY, SOUND
from nexus.recovery.drilling.report import Finding, State
from nexus.runtimes.process import accounts
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Probe

SETTLES_WITHIN = 60.0  # seconds in which events that were on their way are handled
ATTEMPTS = 3  # modules that have just started warm up


class Clock:
    """How long a proof takes."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return round(time.monotonic() - self._began, 3)

    def finding(self, name: str, state: State, text: str, /, **values: object) -> Finding:
        """What was found, and how long it took."""
        return Finding(name, state, text, {key: str(value) for key, value in values.items()}, self.seconds)


async def modules_ready(beside: Beside, why: str = "") -> Finding:
    """Whether each module that can run here has a ready instance. `why`: what `nexus up` said."""
    clock, status = Clock(), await beside.status()
    wanted = [each.name for each in beside.stack.of_kind("module") if each.name not in beside.unable]
    lacking = [name for name in wanted if not is_ready(status, name)]
    if not wanted:
        return clock.finding(READY, "unproven", "it did not start: {why}", why="no module runs here")
    if lacking:
        told = ", ".join(lacking) + (f" ({why})" if why else "")
        return clock.finding(READY, "failed", "not ready: {which}", which=told)
    return clock.finding(READY, "passed", "all {count} modules were ready", count=len(wanted))


async def invariants(beside: Beside) -> Finding:
    """Whether all of them hold, at the latest when what was on its way has been handled."""
    clock = Clock()
    while True:
        said = await beside.commands.run("check", "--json", limit=300.0)
        told = said.json().get("invariants")
        if told is None:
            return clock.finding(CHECKED, "failed", "the invariants could not be asked: {why}", why=said.last)
        broken = sorted(each["name"] for each in told if not each["ok"])
        if not told:
            return clock.finding(CHECKED, "unproven", "the stack has no invariants")
        if not broken:
            return clock.finding(CHECKED, "passed", "all {count} invariants hold", count=len(told))
        if clock.seconds > SETTLES_WITHIN:
            text = "{broken} of {count} invariants do not hold: {which}"
            which = ", ".join(broken)
            return clock.finding(CHECKED, "failed", text, broken=len(broken), count=len(told), which=which)


async def probes(beside: Beside, say: Callable[[Sentence], None]) -> Finding:
    """Whether the ways of users can be gone to their end, through the edge."""
    clock, stack = Clock(), beside.stack
    edges = stack.of_kind("edge")
    site = Site(stack, beside.home, planned(stack, beside.offset))
    told = declared_probes(stack, site.secret_named)
    if not edges or not told:
        return clock.finding(PROBED, "unproven", "the stack has no probe to go")
    address = f"http://{LOOPBACK}:{await beside.port(edges[0].name)}"
    gone = 0
    for name, each in told.items():
        probe = Probe.from_dict(each["probe"])
        missing = sorted({*each["off"], *(beside.unable.keys() & set(probe.needs))})
        if missing:
            text = "not all of the probe's services run here: {names}"
            return clock.finding(PROBED, "unproven", text, names=", ".join(missing))
        say(Sentence("probe {name} is run on the copy", name=name))
        why = await _why_it_fails(probe, address, each["secret_files"])
        if why:
            return clock.finding(PROBED, "failed", "probe {name}: {why}", name=name, why=why)
        gone += 1
    return clock.finding(PROBED, "passed", "{count} ways of users were gone to their end", count=gone)


async def sound(beside: Beside, room: Path) -> Finding:
    """Whether PostgreSQL finds every table and index sound, their rows compared (manual, pg_amcheck).
    `room`: a folder that PostgreSQL's user can walk through.
    """
    clock, url = Clock(), beside.url
    account = programs.postgres_account()
    work = accounts.private_folder(room / "amcheck", account)
    passwords = programs.password_file(work, url, account)
    checks = ("--install-missing", "--heapallindexed", "--jobs=2", f"--database={programs.database(url)}")
    tools = programs.Programs(work, account)
    try:
        await tools.run("pg_amcheck", *programs.connection(url), *checks, passwords=passwords)
    except ServerFailed as error:
        return clock.finding(SOUND, "failed", "pg_amcheck: {why}", why=error)
    return clock.finding(SOUND, "passed", "pg_amcheck found every table and index sound")


async def _why_it_fails(probe: Probe, address: str, secret_files: dict[str, str]) -> str:
    known = {key: Path(file).read_text().strip() for key, file in secret_files.items()}
    why = ""
    for _ in range(ATTEMPTS):
        run = await run_probe(probe, address, known)
        if run.failed is None:
            return ""
        why = f"step {run.failed.step.name!r}: expected {run.failed.expected}, got {run.failed.got}"
    return why
