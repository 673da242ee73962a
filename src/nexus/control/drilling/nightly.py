"""The nightly drill: the newest backup, restored beside the living stack as an operator would, and proven."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nexus.business import load_invariants
from nexus.control.drilling.beside import Beside
from nexus.control.drilling.choosing import Subject, has_totals
from nexus.control.drilling.counted import count
from nexus.control.drilling.finding import Findings
from nexus.control.drilling.proofs import Clock, invariants, modules_ready, probes, sound
from nexus.control.drilling.room import Room
from nexus.control.recovering.apart import set_apart
from nexus.control.recovering.desk import Desk
from nexus.control.rehearsing.commands import Commands, Said
from nexus.plans import Action, Step
from nexus.recovery.drilling.proving import COUNTED, LOSS, RESTORED, TIME, never_proven, of_nightly
from nexus.recovery.drilling.report import Finding
from nexus.recovery.drilling.showing import seconds
from nexus.recovery.repository import Repository
from nexus.runtimes.protocol import StartError

WHY = "the drill judges the invariants itself"  # so that one which does not hold is named, and not all lost


@dataclass
class Nightly:
    """The steps of `plan_nightly` up to the report. `desk`: of the living stack."""

    desk: Desk
    subject: Subject
    room: Room
    findings: Findings
    went: float = 0.0
    beside: Beside = field(init=False)

    def __post_init__(self) -> None:
        self.beside = Beside(self.room.home)
        self.findings.note(place=self.subject.place, backup=self.subject.backup.id)

    @property
    def required(self) -> tuple[str, ...]:
        """What it must prove."""
        stack = self.desk.stack
        return of_nightly(has_totals(stack), bool(stack.probes), bool(load_invariants(stack).usable))

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        return {"restore": self.restore, "start": self.start, "examine": self.examine, "count": self.count}

    async def restore(self, step: Step) -> None:
        """Raises StartError: it could not be restored."""
        self._loss()
        clock, self.went = Clock(), time.monotonic()
        living = Commands(self.desk.home, self.desk.stack.root)
        options = ("--latest", "--from", self.subject.place, "--into", str(self.room.home))
        said = await living.run("restore", *options, "--override", WHY, "--yes", "--json")
        told = outcome_of(said)
        if said.code:
            why = str(told.get("sentence") or told.get("message") or said.last)
            text = "it could not be restored: {why}"
            self.findings.add(clock.finding(RESTORED, "failed", text, why=why))
            raise StartError(why)
        reached = str(told.get("reaches", ""))
        self.findings.note(reached=reached)
        text, place = "backup {backup} was restored from {place} to {reached}", self.subject.place
        told_of = {"backup": self.subject.backup.id, "place": place, "reached": reached}
        self.findings.add(clock.finding(RESTORED, "passed", text, **told_of))

    async def start(self, step: Step) -> None:
        """Raises StartError: its modules were not ready."""
        set_apart(self.beside.home, "a drill")
        await self.beside.prepare()
        up = await self.beside.up()
        found = self.findings.add(await modules_ready(self.beside, up.last if up.code else ""))
        if found.state != "passed":
            raise StartError(str(found))
        rto = time.monotonic() - self.went
        self.findings.note(rto=round(rto, 3))
        self.findings.add(timed(rto, self.desk.policy.rto))

    async def examine(self, step: Step) -> None:
        """Asks everything; what is wrong is found, and does not end the drill."""
        self.findings.add(await sound(self.beside, self.room.place))
        self.findings.add(await invariants(self.beside))
        self.findings.add(await probes(self.beside, self.findings.say))
        if self.subject.counted is None and has_totals(self.desk.stack):
            totals = self.subject.backup.totals
            why = "there are none" if totals is None else totals.why or "they are not exact"
            text = "no backup has totals of an exact place in the WAL: {why}"
            self.findings.add(Clock().finding(COUNTED, "unproven", text, why=why))
        contained = self.desk.site.contained
        for each in never_proven(self.desk.stack, contained, tuple(self.beside.unable)):
            self.findings.add(each)

    async def count(self, step: Step) -> None:
        """The business's numbers; the stack is not needed any more."""
        assert self.subject.counted is not None
        async with self.desk.repository() as repository:
            place = next(each for each in repository.places if each.name == self.subject.place)
            alone = Repository((place,), repository.keys, repository.scratch)
            stack = self.beside.released
            await count(self.subject.counted, alone, stack, self.room.counted, self.findings)

    def _loss(self) -> None:
        """How much the place lacked when the drill began: what a disaster then would have cost."""
        rpo, promised = self.subject.rpo, self.desk.policy.rpo
        place = self.subject.place
        if rpo is None:
            text = "nobody knows how far {place} was when the drill began: the stream did not run"
            self.findings.add(Finding(LOSS, "unproven", text, {"place": place}))
            return
        self.findings.note(rpo=round(rpo, 3))
        text = "{place} lacked {loss} of data when the drill began; {promised} are promised"
        values = {"place": place, "loss": seconds(rpo), "promised": seconds(promised)}
        self.findings.add(Finding(LOSS, "passed" if rpo <= promised else "failed", text, values))


def timed(rto: float, promised: float) -> Finding:
    """Whether it was as quick as was promised. Pure."""
    text = "from the order to restore to ready modules: {took}; {promised} are promised"
    values = {"took": seconds(rto), "promised": seconds(promised)}
    return Finding(TIME, "passed" if rto <= promised else "failed", text, values, round(rto, 3))


def outcome_of(said: Said) -> dict[str, Any]:
    """The last event that a command printed."""
    for line in reversed(said.out.splitlines()):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("event") in ("outcome", "refused"):
            return told
    return {}
