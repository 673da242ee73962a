"""How careful migrations are, and what they tell while they run. Times in seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Throttle:
    """How backfills make way.

    `share`: of the time that they may work (0.5: each batch is followed by a pause of its own length).
    `batch_seconds`: what a batch should take; its size adapts. `max_lag`: of a replica, in seconds.
    `max_latency`: of a probing commit, in seconds. `pressure`: asks the platform whether users wait (0 = not
    at all, 1 = pause); None where nobody measures.
    """

    share: float = 0.5
    batch_seconds: float = 0.1
    max_lag: float = 2.0
    max_latency: float = 0.1
    pressure: Callable[[], Awaitable[float]] | None = None


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True)
class Settings:
    """`lock_timeout`: how long a statement waits for a lock before it lets others pass and tries again.

    `max_block`: how long another session may wait for a lock that a migration holds before the migration
    gives way. `patience`: how long it goes on trying. `statement_timeout`: of one statement, None = none.
    `turn`: how long it waits for another migration's end (Prisma's advisory lock). `restore_point`: whether
    to name one in the WAL first. `stop`: asked between two tries, whether to try no more.
    """

    lock_timeout: float = 0.2
    max_block: float = 0.3
    patience: float = 600.0
    statement_timeout: float | None = None
    turn: float = 120.0
    restore_point: bool = True
    stop: Callable[[], bool] = never
    throttle: Throttle = field(default_factory=Throttle)


Kind = Literal[
    "restore-point", "started", "statement", "waiting", "gave-way", "progress", "batch", "cleaned",
    "finished", "resumed", "proving", "failed",
]  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What happens, told while it does.

    `kind`: restore-point (`detail`: name, lsn), started, statement (begins), waiting (for locks; `detail`
    holds `blockers`: pid, user, application, state, since, query), gave-way (others waited for us; `detail`
    holds `waiters` and `table`), progress (`share` 0–1 where PostgreSQL tells, `rows`), batch, cleaned (an
    invalid index), finished, resumed, proving (that it can be taken back), failed (before;
    nothing is to be applied behind it now).
    """

    kind: Kind
    module: str
    migration: str
    line: int = 0
    sentence: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


Tell = Callable[[Told], None]


def quiet(told: Told) -> None:
    """Tell nobody."""
