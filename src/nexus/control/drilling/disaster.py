"""One scenario: a victim is made, harmed, mended by the command of its runbook, and asked for everything."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg

from nexus.business import load_invariants
from nexus.control.drilling.beside import Beside
from nexus.control.drilling.choosing import Subject
from nexus.control.drilling.damage import DAMAGES, Harm, flip
from nexus.control.drilling.finding import Findings
from nexus.control.drilling.load import CONNECT, Load, all_there, as_of, present
from nexus.control.drilling.nightly import outcome_of, timed
from nexus.control.drilling.proofs import Clock, invariants, modules_ready, probes
from nexus.control.drilling.room import Room
from nexus.control.drilling.tables import remembered, same
from nexus.control.drilling.victim import SECOND, Victim, make_victim
from nexus.control.recovering.desk import Desk
from nexus.plans import Action, Step
from nexus.postgres.programs import end
from nexus.recovery import layout
from nexus.recovery.drilling.proving import COMMAND, DAMAGE, IMMUTABLE, REPORTED, WHOLE, never_proven
from nexus.recovery.drilling.runbooks import Runbook
from nexus.recovery.drilling.scenarios import Scenario
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import EDGE_HOST, ENDPOINT, LOOPBACK

LIMIT_S = 3600.0  # for the commands of a runbook
LAST = 4  # lines that are told of one that failed
_REACHED = "restored to "  # how `nexus restore` begins its last sentence (NEXUS_LANG=en)
_SHIM = """#!/bin/sh
if [ "$1" = up ]; then
    shift
    exec "{python}" -m nexus up --runtime process --port-offset {offset} "$@"
fi
exec "{python}" -m nexus "$@"
"""


@dataclass
class Disaster:
    """The steps of `plan_scenario` up to the report. `desk`: of the living stack."""

    desk: Desk
    subject: Subject
    room: Room
    findings: Findings
    scenario: Scenario
    runbook: Runbook
    victim: Victim = field(init=False)
    load: Load = field(init=False)
    harm: Harm = field(init=False)

    def __post_init__(self) -> None:
        told = {"commands": self.runbook.commands, "runbook": f"{self.runbook.name}.md"}
        self.findings.note(place=self.subject.place, backup=self.subject.backup.id, **told)

    @property
    def required(self) -> tuple[str, ...]:
        """What it must prove."""
        stack = self.desk.stack
        return self.scenario.required(bool(stack.probes), bool(load_invariants(stack).usable))

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        return {
            "victim": self.make,
            "load": self.begin,
            "damage": self.damage,
            "recover": self.recover,
            "examine": self.examine,
        }

    async def make(self, step: Step) -> None:
        """Raises StartError: it cannot be made."""
        self.victim = await make_victim(self.desk, self.subject, self.room)

    async def begin(self, step: Step) -> None:
        """Writes from now on."""
        self.load = Load(self.victim.beside.url)
        await self.load.start()

    async def damage(self, step: Step) -> None:
        """Raises StartError: it did not happen."""
        clock = Clock()
        try:
            self.harm = await DAMAGES[self.scenario.name](self.victim, self.load)
        except (StartError, OSError, asyncpg.PostgresError) as error:
            await self.load.stop()
            text = "the disaster did not happen: {why}"
            self.findings.add(clock.finding(DAMAGE, "failed", text, why=error))
            raise StartError(str(error)) from error
        text = "the disaster: {what}"
        self.findings.add(clock.finding(DAMAGE, "passed", text, what=self.scenario.happens))

    async def recover(self, step: Step) -> None:
        """Types what stands in the runbook. Raises StartError: it did not do it."""
        clock, went = Clock(), time.monotonic()
        code, said = await self._typed()
        if self.scenario.reaches != "rows":
            await self.load.stop()
        if code:
            text = "the command of the runbook ended with {code}: {why}"
            self.findings.add(clock.finding(COMMAND, "failed", text, code=code, why=said))
            await self.load.stop()
            raise StartError(said)
        self.findings.add(clock.finding(COMMAND, "passed", "the command of the runbook did it"))
        found = self.findings.add(await modules_ready(self.mended, said))
        if found.state != "passed":
            await self.load.stop()
            raise StartError(str(found))
        rto = time.monotonic() - went
        self.findings.note(rto=round(rto, 3))
        self.findings.add(timed(rto, self.desk.policy.rto))

    async def examine(self, step: Step) -> None:
        """Asks everything; what is wrong is found, and does not end the drill."""
        await self.load.stop()
        await self._written()
        if self.harm.table is not None:
            await self._rows()
        if WHOLE in self.scenario.proves:
            await self._nothing_left()
        self.findings.add(await invariants(self.mended))
        self.findings.add(await probes(self.mended, self.findings.say))
        if REPORTED in self.scenario.proves:
            await self._told_of_the_last_copy()
        if self.scenario.name == "ransomware":
            text = "that nobody can delete the second copy was not proven: {place} has no object lock"
            self.findings.add(Clock().finding(IMMUTABLE, "unproven", text, place=SECOND))
        contained, unable = self.desk.site.contained, tuple(self.mended.unable)
        for each in never_proven(self.desk.stack, contained, unable):
            self.findings.add(each)

    @property
    def mended(self) -> Beside:
        """The stack that runs afterwards."""
        if self.scenario.name != "machine-lost":
            return self.victim.beside
        return Beside(self.room.new, self.victim.beside.offset, self.victim.beside.unable)

    async def _written(self) -> None:
        there = await present(self.mended.url)
        if self.harm.moment is not None and self.scenario.reaches == "moment":
            self.findings.add(as_of(self.load.writes, there, self.harm.moment))
            return
        policy = self.desk.policy
        waits = policy.synchronous == "require" and self.scenario.local  # commits had waited for the archive
        promised = None if waits else policy.rpo
        finding, loss = all_there(self.load.writes, there, self.harm.at, promised)
        self.findings.note(rpo=round(loss, 3))
        self.findings.add(finding)

    async def _rows(self) -> None:
        table = self.harm.table
        assert table is not None
        connection = await asyncpg.connect(self.mended.url, timeout=CONNECT)
        try:
            columns = (self.harm.column,) if self.harm.column else ()
            now = await remembered(connection, table, *columns)
        finally:
            await connection.close(timeout=CONNECT)
        self.findings.add(same(table, self.harm.rows, now))

    async def _nothing_left(self) -> None:
        clock, repository = Clock(), self.victim.repository()
        ids = await repository.ids()
        entries = await repository.entries(layout.BACKUPS)
        left = [each.key for each in entries if each.key.split("/")[1] not in ids]
        if left:
            text = "{count} files are left of the backup that was cut short"
            self.findings.add(clock.finding(WHOLE, "failed", text, count=len(left)))
        else:
            text = "nothing is left of the backup that was cut short"
            self.findings.add(clock.finding(WHOLE, "passed", text))

    async def _told_of_the_last_copy(self) -> None:
        """With no intact copy left, a restore must say which file it is, and leave nothing."""
        clock, segment = Clock(), self.harm.segment
        await asyncio.to_thread(flip, self.room.second / layout.segment(segment))
        options = ("--latest", "--into", str(self.room.new), "--yes", "--json")
        said = await self.victim.beside.commands.run("restore", *options)
        told = outcome_of(said)
        why = str(told.get("sentence") or told.get("message") or said.last)
        if said.code and segment in why and not self.room.new.exists():
            text = "with the other copy damaged too it was said which file is damaged"
            self.findings.add(clock.finding(REPORTED, "passed", text))
        else:
            text = "with the other copy damaged too it was not said: {why}"
            self.findings.add(clock.finding(REPORTED, "failed", text, why=why))

    async def _typed(self) -> tuple[int, str]:
        """Runs the runbook's commands in a shell; returns the exit code and the last lines."""
        child = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", self.runbook.script),
            env=self._environment(),
            cwd=self.room.place,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert child.stdout is not None
        lines: list[str] = []
        try:
            async with asyncio.timeout(LIMIT_S):
                async for row in child.stdout:
                    lines.append(row.decode("utf-8", "replace").strip())
                    self.findings.emit({"event": "typed", "line": lines[-1]})
                    if lines[-1].startswith(_REACHED):
                        self.findings.note(reached=lines[-1].removeprefix(_REACHED))
                await child.wait()
        except TimeoutError:
            await end(child, signal.SIGKILL)
            return 1, f"the commands did not end within {LIMIT_S:g} s"
        except asyncio.CancelledError:
            await end(child, signal.SIGTERM)
            raise
        return child.returncode or 0, " / ".join(lines[-LAST:])

    def _environment(self) -> dict[str, str]:
        """What an operator's shell has: the stack's place, and the runbook's variables."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
        own.pop(ENDPOINT, None)
        lost = self.scenario.name == "machine-lost"
        home, root = self.victim.beside.place, self.victim.beside.root
        if lost:  # the machine is empty
            home = root = self.room.place / "empty"
            home.mkdir(exist_ok=True)
        told = {
            "PLACE": f"file://{self.room.second}" if lost else SECOND,
            "KEY": str(self.room.kit),
            "NEW": str(self.room.new),
            "NEXUS_HOME": str(home),
            "NEXUS_ROOT": str(root),
            "NEXUS_LANG": "en",
            EDGE_HOST: LOOPBACK,
            "PATH": f"{self._shim().parent}:{own.get('PATH', '/usr/bin:/bin')}",
        }
        zone = ZoneInfo(self.desk.policy.schedule.zone)
        for name, at in (("BEFORE", self.harm.moment), ("UNTIL", self.harm.until)):
            if at is not None:
                told[name] = datetime.fromtimestamp(at, zone).isoformat()
        if self.harm.table is not None:
            told |= {"MODULE": self.harm.table.module, "TABLE": self.harm.table.name}
        return {**own, **told}

    def _shim(self) -> Path:
        """`nexus`, which brings a stack up on other ports than the living one's."""
        path = self.room.place / "bin" / "nexus"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_SHIM.format(python=sys.executable, offset=self.victim.beside.offset))
        path.chmod(0o755)
        return path
