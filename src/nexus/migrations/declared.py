"""What a migration says of itself in its leading comments.

    -- nexus: phase=expand | contract
    -- nexus: depends=crm/20261101000100_crm         another module's migration comes first
    -- nexus: after-release=sales>=1.5               this release of a module is fully out, no older one runs
    -- nexus: transaction=none                       each statement runs and is recorded by itself
    -- nexus: may-block=30s                          writers may wait for it that long (default: max_block)

and right before one UPDATE, DELETE or INSERT … SELECT, in a migration that runs outside a transaction:

    -- nexus: batch=5000                             rows at a time, each batch committed by itself

and right before any statement, for `nexus migrate lint` alone:

    -- nexus: allow=data-loss because nobody has ever written this column
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration

PhaseName = Literal["expand", "contract"]
LINE = re.compile(r"^--\s*nexus:(.*)$")
_PHASE = re.compile(r"^phase\s*=\s*(expand|contract)$")
_DEPENDS = re.compile(r"^depends\s*=\s*([a-z][a-z0-9_-]*)/(\S+)$")
_AFTER = re.compile(r"^after-release\s*=\s*([a-z][a-z0-9_-]*)\s*>=\s*([0-9][\w.+-]*)$")
_TRANSACTION = re.compile(r"^transaction\s*=\s*(none|one)$")
_MAY_BLOCK = re.compile(r"^may-block\s*=\s*(\d+(?:\.\d+)?)\s*(ms|s|m)$")
_BATCH = re.compile(r"^batch\s*=\s*(\d+)$")
_ALLOW = re.compile(r"^allow\s*=")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Dependency:
    """A migration of another module that must be applied first."""

    module: str
    migration: str

    def __str__(self) -> str:
        return f"{self.module}/{self.migration}"


@dataclass(frozen=True)
class ReleaseNeed:
    """A release of a module that must be fully out first: nothing older runs."""

    module: str
    version: str

    def __str__(self) -> str:
        return f"{self.module}>={self.version}"


@dataclass(frozen=True)
class Declared:
    """What a migration declares; None and empty where it is silent. `may_block` in seconds."""

    phase: PhaseName | None = None
    depends: tuple[Dependency, ...] = ()
    after: tuple[ReleaseNeed, ...] = ()
    transaction: Literal["none", "one"] | None = None
    may_block: float | None = None


def declared(migration: Migration) -> Declared:
    """What a migration declares in the comments before its first statement.

    Raises:
        MigrationUnreadable: a line declares nothing that is known.
    """
    found = Declared()
    depends: list[Dependency] = []
    after: list[ReleaseNeed] = []
    for number, line in enumerate(migration.sql.lstrip("\ufeff").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("--"):
            break
        told = LINE.match(text)
        if told is None or _BATCH.match(told[1].strip()) or _ALLOW.match(told[1].strip()):
            continue
        setting = told[1].strip()
        if match := _PHASE.match(setting):
            found = _with(found, phase=cast(PhaseName, match[1]))
        elif match := _DEPENDS.match(setting):
            depends.append(Dependency(match[1], match[2]))
        elif match := _AFTER.match(setting):
            after.append(ReleaseNeed(match[1], match[2]))
        elif match := _TRANSACTION.match(setting):
            found = _with(found, transaction=match[1])
        elif match := _MAY_BLOCK.match(setting):
            found = _with(found, may_block=float(match[1]) * _SECONDS[match[2]])
        else:
            raise MigrationUnreadable(
                f"{migration.place}:{number}: {text!r} declares nothing; write phase=expand, phase=contract, "
                "depends=MODULE/MIGRATION, after-release=MODULE>=VERSION, transaction=none or may-block=10s"
            )
    return _with(found, depends=tuple(depends), after=tuple(after))


def batch_of(comments: str, place: str) -> int | None:
    """How many rows at a time the statement under these comments may touch; None: all at once.

    Raises:
        MigrationUnreadable: a batch of no rows.
    """
    for line in reversed(comments.splitlines()):
        told = LINE.match(line.strip())
        match = _BATCH.match(told[1].strip()) if told else None
        if match:
            if int(match[1]) < 1:
                raise MigrationUnreadable(f"{place}: {line.strip()!r}: a batch has at least one row")
            return int(match[1])
    return None


def _with(found: Declared, **change: object) -> Declared:
    return Declared(**{**found.__dict__, **change})
