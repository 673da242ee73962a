"""Drills as a command calls them: chosen, planned, carried out, reported, cleaned up, and noted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from nexus.control.addresses import Refused
from nexus.control.deploying.trail import Trail
from nexus.control.drilling.choosing import Subject, check_place, chosen
from nexus.control.drilling.disaster import Disaster
from nexus.control.drilling.finding import Emit, Findings
from nexus.control.drilling.nightly import Nightly
from nexus.control.drilling.plan import AT_ONCE, AT_ONCE_IN_DISASTER, plan_nightly, plan_scenario
from nexus.control.drilling.proofs import Clock
from nexus.control.drilling.reporting import publish
from nexus.control.drilling.room import Room, clear_abandoned, folder, made
from nexus.control.progress import step_told
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.runs import SCENARIO, Runs, State
from nexus.control.restoring.choosing import check_room
from nexus.migrations.rehearsing.sentence import Sentence
from nexus.plans import Journal, Outcome, Plan, Step, StepEvent, execute
from nexus.recovery.backups.turn import turn
from nexus.recovery.drilling import records
from nexus.recovery.drilling.proving import CLEANED, RESTORED
from nexus.recovery.drilling.report import NIGHTLY, Finding, Report
from nexus.recovery.drilling.runbooks import read_runbook
from nexus.recovery.drilling.scenarios import SCENARIOS
from nexus.recovery.errors import RecoveryError

SCHEDULE = "the schedule"
OPERATOR = "the operator asked for it"


@dataclass(frozen=True)
class Asked:
    """`scenarios`: names of `SCENARIOS`, none = the nightly drill; `place`: to restore from, "" = chosen;
    `keep`: leave what was made; `due`: since when the schedule wants it, in seconds since the epoch.
    """

    who: str
    scenarios: Sequence[str] = ()
    place: str = ""
    keep: bool = False
    plan_only: bool = False
    due: float | None = None


@dataclass(frozen=True)
class Ended:
    """A drill that was carried out: its report, and the file of it."""

    report: Report
    file: Path


async def drill(desk: Desk, asked: Asked, emit: Emit, stop: asyncio.Event) -> tuple[Ended, ...]:
    """Carries out what is asked for, one drill after another; none when only the plan is asked for.

    Raises:
        Refused: there is nothing to drill with; says why.
    """
    if not desk.has_database:
        raise Refused("this stack has no database: there is nothing to restore")
    unknown = [name for name in asked.scenarios if name not in SCENARIOS]
    if unknown:
        raise Refused(f"there is no scenario {', '.join(unknown)}; there are: {', '.join(SCENARIOS)}")
    check_place(desk, asked.place)
    ended = []
    for name in asked.scenarios or (NIGHTLY,):
        if stop.is_set():
            break
        try:
            found = await chosen(desk, records.last(desk.home, name), time.time(), asked.place)
            plan = _plan(desk, name, found, asked)
            emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            if asked.plan_only:
                continue
            check_room(folder(desk.home), found.room * (AT_ONCE if name == NIGHTLY else AT_ONCE_IN_DISASTER))
        except Refused as error:
            _note_refused(desk, name, asked, str(error))
            raise
        one = await _alone(desk, name, plan, found, asked, emit, stop)
        if one is not None:
            ended.append(one)
    return tuple(ended)


def _note_refused(desk: Desk, name: str, asked: Asked, why: str) -> None:
    """A drill that could not even begin has failed: what was to be restored cannot be."""
    if asked.plan_only:
        return
    with closing(Runs(desk.home.database)) as runs:
        runs.end(runs.begin(_what(name), asked.who, asked.due), "failed", why)


def _what(name: str) -> str:
    """What a run of it is noted as: only the nightly drill is tonight's."""
    return "drill" if name == NIGHTLY else f"{SCENARIO}{name}"


def _plan(desk: Desk, name: str, found: Subject, asked: Asked) -> Plan:
    where, stack = str(folder(desk.home)), desk.stack.name
    if name == NIGHTLY:
        cause = "the schedule wants it" if asked.due is not None else OPERATOR
        return plan_nightly(stack, found, where, cause, asked.keep)
    try:
        runbook = read_runbook(name)
    except RecoveryError as error:
        raise Refused(str(error)) from error
    return plan_scenario(stack, found, SCENARIOS[name], runbook, where, asked.keep)


async def _alone(
    desk: Desk, name: str, plan: Plan, found: Subject, asked: Asked, emit: Emit, stop: asyncio.Event
) -> Ended | None:
    """One drill at a time; what killed ones left goes first."""
    lock = desk.home.root / "recovery" / "drill.lock"
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    try:
        with turn(lock, "a drill"):
            findings = Findings(name, desk.stack, emit)
            cleared = await clear_abandoned(desk.home)
            if cleared:
                findings.say(Sentence("{n} drills that had been killed were cleared away", n=cleared))
            with made(desk.home) as room:
                return await _noted(desk, plan, found, asked, findings, room, stop)
    except RecoveryError as error:
        raise Refused(str(error)) from error


async def _noted(
    desk: Desk,
    plan: Plan,
    found: Subject,
    asked: Asked,
    findings: Findings,
    room: Room,
    stop: asyncio.Event,
) -> Ended | None:
    """The run says how it ended, also when all ends with it."""
    name = findings.scenario
    with closing(Runs(desk.home.database)) as runs, closing(Trail(desk.home.database)) as trail:
        runs.settle()
        run = runs.begin(_what(name), asked.who, asked.due, found.backup.id)
        if asked.who != SCHEDULE:
            trail.add(asked.who, f"drill {name}: asked for", ())
        state: State = "interrupted"
        sentence = "interrupted: the process ended"
        try:
            report, outcome = await _carried_out(desk, plan, found, asked, findings, room, stop)
            if outcome.state == "interrupted":
                sentence = outcome.sentence()
                return None
            state, sentence = ("done" if report.ok else "failed"), str(report.sentence)
            return Ended(report, await publish(desk, report))
        finally:
            runs.end(run, state, sentence, found.backup.id, found.bytes)
            if asked.who != SCHEDULE:
                trail.add(asked.who, f"drill {name}: {sentence}", ())


async def _carried_out(
    desk: Desk,
    plan: Plan,
    found: Subject,
    asked: Asked,
    findings: Findings,
    room: Room,
    stop: asyncio.Event,
) -> tuple[Report, Outcome]:
    """Whatever fails, what was made is cleaned up, and what was found is reported."""
    if findings.scenario == NIGHTLY:
        work: Nightly | Disaster = Nightly(desk, found, room, findings)
    else:
        scenario, runbook = SCENARIOS[findings.scenario], read_runbook(findings.scenario)
        work = Disaster(desk, found, room, findings, scenario, runbook)
    required = tuple(name for name in work.required if not (asked.keep and name == CLEANED))
    cleaned = kept = False

    async def clean(step: Step | None = None) -> None:
        nonlocal cleaned
        cleaned = True
        clock, trouble = Clock(), await room.empty()
        text = "the drill left something behind: {why}"
        if trouble:
            findings.add(clock.finding(CLEANED, "failed", text, why=trouble))
        else:
            findings.add(clock.finding(CLEANED, "passed", "all that the drill made is gone again"))

    async def report(step: Step) -> None:
        """Written by the caller, once all is known."""

    def tell(event: StepEvent) -> None:
        findings.emit(step_told(event))

    try:
        with closing(Journal(desk.home.database)) as journal:
            actions = {**work.actions(), "clean": clean, "report": report}
            ended = await execute(plan, actions, journal, asked.who, tell, stop)
        kept = asked.keep and ended.state != "interrupted"
    finally:
        if not kept and not cleaned:
            await asyncio.shield(clean())
    told = any(each.state == "failed" and each.name != CLEANED for each in findings.all)
    if ended.failed and not told:
        _, step, why = ended.failed[0]
        name = RESTORED if step.action == "restore" else step.action
        text = "it stopped for another reason: {why}"
        findings.add(Finding(name, "failed", text, {"why": why}))
    if kept:
        room.keep()
        text = "kept, as asked, in {folder}"
        findings.add(Finding(CLEANED, "unproven", text, {"folder": str(room.place)}))
    return findings.report(required), ended
