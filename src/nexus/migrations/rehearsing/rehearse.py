"""A whole rehearsal: copy, load, plan, invariants, smoke tests, report."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from nexus.business import Invariant
from nexus.migrations.applying.settings import Settings, Tell, quiet
from nexus.migrations.effects.effect import Table
from nexus.migrations.planning.planned import MigrationPlan, RunningRelease
from nexus.migrations.rehearsing import checking, reports
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.filling import MAX_RATE, Filling
from nexus.migrations.rehearsing.judging import judged
from nexus.migrations.rehearsing.living import read_server
from nexus.migrations.rehearsing.load import MOST_TABLES, Load, rhythms
from nexus.migrations.rehearsing.report import Report, Smoke
from nexus.migrations.rehearsing.rhythm import Measured, measured
from nexus.migrations.rehearsing.running import Apply, rates_of, run_plan, table_sizes
from nexus.migrations.rehearsing.scratch import Scratch, scratch
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid

# The copy, and the invariants that do not hold on it after the plan, which are told of already.
SmokeTest = Callable[[Scratch, frozenset[str]], Awaitable[tuple[Smoke, ...]]]


@dataclass(frozen=True)
class Options:
    """How a rehearsal is done. Times in seconds.

    `window`: how long the living database's writes are counted. `rate`: how many times as often they are
    replayed. `max_rate`: of copying files, such as 50M a second ("" = no limit). `max_wait`: how long a write
    may wait for a statement whose migration declares nothing else. `settle`: how long writes are replayed
    before the plan and after it. `patience`: how long a migration may wait for its locks, at most.
    """

    window: float = 5.0
    rate: float = 1.0
    max_rate: str = MAX_RATE
    max_wait: float = 0.5
    settle: float = 1.0
    patience: float = 60.0


@dataclass(frozen=True)
class Subject:
    """What is rehearsed. `url` is a superuser's of the living database, `schemas` those of its modules.

    `folder`: where rehearsals have their places and reports. `service`: the database's name in its stack.
    `bare`: its server runs on this machine from our own binaries. `invariants`: those that can be asked.
    `running`: the releases that run; None: not known, so that each change may hit one that does not know it.
    """

    url: str
    plan: MigrationPlan
    folder: Path
    schemas: Collection[str]
    invariants: Sequence[Invariant] = ()
    running: Sequence[RunningRelease] | None = None
    service: str = "postgres"
    bare: bool = True
    settings: Settings = field(default_factory=Settings)


async def rehearse(
    subject: Subject,
    options: Options,
    apply: Apply,
    smoke: SmokeTest | None = None,
    say: Say = unsaid,
    tell: Tell = quiet,
    ways: Sequence[Filling] | None = None,
) -> Report:
    """Rehearses a plan; the report is kept. `say` gets what happens, `tell` what is told of each statement.

    Raises:
        RehearsalFailed: the plan is empty, or the copy cannot be made or used. What a plan does badly is in
            the report.
    """
    if not subject.plan.steps:
        raise RehearsalFailed("the plan applies nothing, so there is nothing to rehearse")
    began, now = time.monotonic(), datetime.now(UTC)
    id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    server = await read_server(subject.url, subject.bare)
    say(
        Sentence(
            "the writes of the living database are counted for {seconds} s", seconds=f"{options.window:g}"
        )
    )
    rhythm = await _measured(subject, options)
    place = subject.folder / id
    async with scratch(place, server, subject.service, options.max_rate, ways, say) as there:
        report = await _rehearsed(
            subject, options, apply, smoke, say, tell, rhythm, there, id, now.timestamp()
        )
    report = replace(report, seconds=time.monotonic() - began)
    reports.keep(subject.folder, report)
    return report


async def _rehearsed(
    subject: Subject,
    options: Options,
    apply: Apply,
    smoke: SmokeTest | None,
    say: Say,
    tell: Tell,
    rhythm: Measured,
    there: Scratch,
    id: str,
    at: float,
) -> Report:
    plan = subject.plan
    say(Sentence("{n} invariants are asked before the plan", n=len(subject.invariants)))
    before = await checking.ask(there.url, subject.invariants)
    sizes = await table_sizes(there.url)
    settings = _settings(subject.settings, options)
    wanted = rhythms(rhythm, touched(plan), options.rate)
    load = Load(there.url, wanted, rhythm.source)
    say(Sentence("the plan is applied to the copy under replayed writes"))
    async with load:
        await asyncio.sleep(options.settle)
        start = asyncio.get_running_loop().time()
        ran, failure = await run_plan(there.url, plan, settings, tell, apply)
        await asyncio.sleep(options.settle)
    verdict = judged(ran, load.writes, start, options.max_wait, _known_to_all(subject))
    say(Sentence("{n} invariants are asked after the plan", n=len(subject.invariants)))
    invariants = checking.compared(before, await checking.ask(there.url, subject.invariants))
    notes = [*verdict.notes]
    silent = sorted(map(str, touched(plan) - wanted.keys()))
    if silent:
        notes.append(
            f"{len(silent)} of the tables that the plan touches were not written, {MOST_TABLES} at most are: "
            f"{', '.join(silent)}"
        )
    notes += [
        f"{source.module} was not rehearsed: its own command changes its schema" for source in plan.commands
    ]
    smoked: tuple[Smoke, ...] = ()
    if smoke is None or failure:
        notes.append(
            "no release was smoke-tested" + (": the plan was not applied as a whole" if failure else "")
        )
    else:
        smoked = await smoke(there, frozenset(each.name for each in invariants if each.after != 0))
    broken = [checking.sentence(each) for each in invariants if each.broken]
    unwell = [
        f"{each.title} fails on the new schema: {each.sentence}" for each in smoked if each.state == "failed"
    ]
    return Report(
        id=id,
        at=at,
        digest=plan.digest,
        copy=there.copy,
        statements=verdict.statements,
        load=load.seen(),
        invariants=invariants,
        smoke=smoked,
        rates=rates_of(ran, sizes),
        seconds=0.0,
        failures=(
            *((failure,) if failure else ()),
            *verdict.failures,
            *(f"the replayed writes prove nothing: {each}" for each in load.troubles()),
            *broken,
            *unwell,
        ),
        notes=tuple(notes),
        migrations=tuple(step.id for step in plan.steps),
        checksums=tuple(step.migration.checksum for step in plan.steps),
        lacking=_lacking(options, smoke),
    )


def touched(plan: MigrationPlan) -> frozenset[Table]:
    """The tables that a plan has to do with."""
    statements = (statement for step in plan.steps for statement in step.statements)
    return frozenset(effect.table for statement in statements for effect in statement.effects)


def _lacking(options: Options, smoke: SmokeTest | None) -> tuple[str, ...]:
    """What a whole rehearsal has, and this one was told to leave out."""
    released = () if smoke else ("no running release was started on the copy",)
    less = (f"only {options.rate:g} times as many writes were replayed",) if options.rate < 1 else ()
    return (*released, *less)


def _known_to_all(subject: Subject) -> frozenset[str]:
    """The migrations of the plan that every running release of their module has in its own folder."""
    if subject.running is None:
        return frozenset()
    lacking = {
        step.id
        for step in subject.plan.steps
        for each in subject.running
        if each.module == step.source.module and step.migration.name not in each.migrations
    }
    return frozenset(step.id for step in subject.plan.steps) - lacking


async def _measured(subject: Subject, options: Options) -> Measured:
    try:
        return await measured(subject.url, subject.schemas, options.window)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise RehearsalFailed(f"the writes of the living database cannot be counted: {error}") from error


def _settings(settings: Settings, options: Options) -> Settings:
    """As careful as on the living database, but for a restore point and for endless patience."""
    return replace(settings, restore_point=False, patience=min(settings.patience, options.patience))
