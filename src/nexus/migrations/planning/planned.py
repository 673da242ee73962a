"""A plan of migrations over all modules. Plain values, printed by others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nexus.migrations.declared import PhaseName
from nexus.migrations.effects.effect import Effect, Living, Table, TableFacts
from nexus.migrations.history.state import History
from nexus.migrations.migration import Migration, Source

Risk = Literal["none", "low", "medium", "high"]


@dataclass(frozen=True)
class RunningRelease:
    """A release of a module that has instances, or that would be started again.

    `migrations`: names that its own folder holds. `stable`: whether it is the stable one.
    """

    module: str
    version: str
    release: str
    migrations: frozenset[str] = frozenset()
    stable: bool = True


@dataclass(frozen=True)
class Rates:
    """How fast this machine works, in bytes per second; measured by rehearsals, else the defaults.

    The defaults are of one core and a network disk; `measured` says whether they are of this stack.
    """

    scan: float = 400e6
    rewrite: float = 60e6
    index: float = 40e6
    write: float = 20e6
    measured: bool = False


@dataclass(frozen=True)
class MigrationFacts:
    """All that a plan is made from.

    `histories`: module → its own. `running`: all releases that have instances. `modules`: all names of the
    stack, also of those without a schema; none where they are not known.

    `rehearsed_at`: seconds since the epoch of the last good rehearsal of exactly what is pending, None when
    there is none; `rehearse_within`: how old it may be, None where none is asked for. `at`: now.
    """

    histories: Mapping[str, History]
    living: Living = field(default_factory=Living)
    running: tuple[RunningRelease, ...] = ()
    rates: Rates = Rates()
    rehearsed_at: float | None = None
    rehearse_within: float | None = None
    at: float = 0.0
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PlannedStatement:
    """One statement: its effects, and how long it is likely to take in seconds (None: not known).

    `tables`: what is known of the tables that it has an effect on.
    """

    line: int
    head: str
    effects: tuple[Effect, ...] = ()
    seconds: float | None = None
    concurrently: bool = False
    batch: int | None = None
    tables: Mapping[Table, TableFacts] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedMigration:
    """One migration of the plan. `causes`: why it stands where it stands. `first`: what must be true before.

    `after`: ids (`module/name`) that come before it. `one`: whether it is one transaction.
    """

    source: Source
    migration: Migration
    phase: PhaseName
    reasons: tuple[str, ...]
    causes: tuple[str, ...]
    after: tuple[str, ...]
    one: bool
    statements: tuple[PlannedStatement, ...]
    risk: Risk
    first: tuple[str, ...] = ()
    may_block: float | None = None
    resumes: bool = False

    @property
    def id(self) -> str:
        """`module/name`."""
        return f"{self.source.module}/{self.migration.name}"

    @property
    def seconds(self) -> float | None:
        """How long it is likely to take, None where a part is not known."""
        known = [each.seconds for each in self.statements if each.seconds is not None]
        return sum(known) if len(known) == len(self.statements) else None


@dataclass(frozen=True)
class Refusal:
    """Why a plan may not be carried out. `about`: `module/name` or a module. `mend`: what to do."""

    kind: Literal["unreadable", "history", "circle", "missing", "release", "contract", "rehearsal", "order"]
    about: str
    sentence: str
    mend: str
    code: str = ""


@dataclass(frozen=True)
class MigrationPlan:
    """What would be applied, in order, and what stands in the way. `later`: what waits for a release."""

    steps: tuple[PlannedMigration, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    later: tuple[tuple[PlannedMigration, str], ...] = ()
    notes: tuple[str, ...] = ()
    commands: tuple[Source, ...] = ()

    @property
    def digest(self) -> str:
        """What tells plans apart: the names and checksums in order; a rehearsal is of one digest."""
        from nexus.migrations.migration import sha256

        told = [f"{each.id}:{each.migration.checksum}" for each in self.steps]
        return sha256("\n".join(told).encode())[:16]

    @property
    def seconds(self) -> float | None:
        """How long all of it is likely to take, None where a part is not known."""
        known = [each.seconds for each in self.steps if each.seconds is not None]
        return sum(known) if len(known) == len(self.steps) else None

    def text(self, t: Callable[..., str] | None = None) -> str:
        """The plan as people read it, at most 110 columns wide. `t`: translates its fixed texts."""
        from nexus.migrations.planning.printed import english, printed

        return printed(self, t or english)

    def as_dict(self) -> dict[str, Any]:
        """The stable JSON form; `nexus.migrations.planning.plain` lists its keys."""
        from nexus.migrations.planning.plain import plain

        return plain(self)
