"""Rules that know the living tables, and who reads what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rules import (
    backfills,
    constraints,
    contracts,
    indexes,
    losses,
    reads,
    surroundings,
    tables,
)

Rule = Callable[[Case, Known], Iterator[Hit]]
FileRule = Callable[[Sequence[Case], Known], Iterator[Hit]]

RULES: tuple[Rule, ...] = (
    constraints.judge,
    indexes.judge,
    tables.judge,
    backfills.judge,
    losses.judge,
    reads.judge,
    surroundings.judge,
)
FILE_RULES: tuple[FileRule, ...] = (contracts.judge, backfills.beside_definitions)
