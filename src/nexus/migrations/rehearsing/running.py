"""Applying a plan to the copy, with every statement timed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import asyncpg

from nexus.migrations.applying.settings import Settings, Tell, Told
from nexus.migrations.effects.effect import Table
from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import Source
from nexus.migrations.planning.planned import MigrationPlan, PlannedMigration, PlannedStatement, Rates
from nexus.migrations.rehearsing.errors import RehearsalFailed

SHORTEST = 0.05  # seconds; less says nothing of a rate
SMALLEST = 1 << 20  # bytes
_SIZES = """
SELECT n.nspname, c.relname, pg_table_size(c.oid) AS bytes FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm')
"""


class Apply(Protocol):
    """What applies migrations: `nexus.migrations.applying.apply_pending`."""

    def __call__(
        self, dsn: str, source: Source, settings: Settings, tell: Tell, names: Collection[str]
    ) -> Awaitable[tuple[str, ...]]: ...


@dataclass
class Ran:
    """A statement of the plan as it ran: its attempts from begin to end, on the loop's clock."""

    step: PlannedMigration
    statement: PlannedStatement
    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long the attempt took that ended it."""
        return self.spans[-1][1] - self.spans[-1][0]

    @property
    def tables(self) -> frozenset[Table]:
        """What it has to do with."""
        return frozenset(effect.table for effect in self.statement.effects)


@dataclass
class Stopwatch:
    """Takes the times of what is told while a plan is applied."""

    plan: MigrationPlan
    ran: dict[tuple[str, int], Ran] = field(default_factory=dict)
    _open: Told | None = None
    _since: float = 0.0

    def take(self, told: Told) -> None:
        """Something is told."""
        if told.kind not in ("statement", "gave-way", "finished"):
            return
        self.close()
        if told.kind == "statement":
            self._open = told
            self._since = asyncio.get_running_loop().time()

    def close(self) -> None:
        """What was under way is over."""
        if self._open is None:
            return
        key = f"{self._open.module}/{self._open.migration}", int(self._open.detail["number"])
        known = self.ran.get(key)
        if known is None:
            known = self.ran[key] = self._planned(key[0], self._open)
        known.spans.append((self._since, asyncio.get_running_loop().time()))
        self._open = None

    def _planned(self, id: str, told: Told) -> Ran:
        """Several statements may begin in one line; their first words tell them apart."""
        step = next(each for each in self.plan.steps if each.id == id)
        there = [each for each in step.statements if each.line == told.line]
        own = [each for each in there if each.head == told.sentence] or there
        return Ran(step, own[0] if own else PlannedStatement(told.line, told.sentence))


async def run_plan(
    url: str, plan: MigrationPlan, settings: Settings, tell: Tell, apply: Apply
) -> tuple[tuple[Ran, ...], str]:
    """Applies the plan in its order, up to what fails: the statements that ran, and why it stopped ("" = it
    did not).
    """
    watch = Stopwatch(plan)

    def told(event: Told) -> None:
        watch.take(event)
        tell(event)

    failure = ""
    for step in plan.steps:
        try:
            applied = await apply(url, step.source, settings, told, {step.migration.name})
        except MigrationError as error:
            failure = f"{step.id}: {error}"
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            failure = f"{step.id}: the scratch server went away: {error}"
        else:
            if step.migration.name not in applied:
                failure = f"{step.id}: it was planned, and on the copy it is not pending"
        watch.close()
        if failure:
            break
    return tuple(watch.ran.values()), failure


async def table_sizes(url: str) -> dict[Table, int]:
    """Table → its bytes with TOAST, without indexes.

    Raises:
        RehearsalFailed: the scratch server cannot be asked.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            rows = await connection.fetch(_SIZES)
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise RehearsalFailed(f"the scratch server cannot be asked: {error}") from error
    return {Table(row["nspname"], row["relname"]): row["bytes"] for row in rows}


def rates_of(ran: Collection[Ran], sizes: Mapping[Table, int]) -> Rates:
    """Bytes a second of each kind of work, from the statements that say something of it; else the default."""
    bytes_of: dict[str, int] = {}
    seconds_of: dict[str, float] = {}
    for each in ran:
        works = [
            (effect.work, sizes.get(effect.table, 0)) for effect in each.statement.effects if effect.work
        ]
        kinds = {work for work, _ in works}
        total = sum(size for _, size in works)
        if len(kinds) != 1 or total < SMALLEST or each.seconds < SHORTEST:
            continue
        kind = kinds.pop()
        bytes_of[kind] = bytes_of.get(kind, 0) + total
        seconds_of[kind] = seconds_of.get(kind, 0.0) + each.seconds
    found = {kind: bytes_of[kind] / seconds_of[kind] for kind in bytes_of}
    return replace(Rates(measured=bool(found)), **found)  # type: ignore[arg-type]
