"""What is remembered of a standby from one control loop to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from nexus.runtimes.memory import Memory

_STANDBY, _FORMER, _LAST = "standby", "standby former", "standby failover"


@dataclass(frozen=True)
class Record:
    """The standby that is to run.

    `data`: its folder; `port`: where it listens. `synchronous`: commits are to wait for it; `waited_for`:
    they do, so that it has all that was acknowledged. `auto`: it takes over by itself; `fresh`: when it was
    last looked at, it followed this primary closely enough for that; `fresh_at`: when that was, at least
    (Unix time, noted every few seconds).
    """

    data: str
    port: int
    synchronous: bool = False
    auto: bool = False
    waited_for: bool = False
    fresh: bool = False
    fresh_at: float = 0.0


@dataclass(frozen=True)
class Former:
    """A fenced former primary: its folder, and what the standby was that took its place.

    `spare`: the present primary has all that it acknowledged, for certain; else it may be the only copy.
    """

    data: str
    synchronous: bool = False
    auto: bool = False
    spare: bool = False


@dataclass(frozen=True)
class Ended:
    """How the last takeover ended. `commits`: transactions of the old primary that the new one lacks; None
    where nobody can know. `missing`: bytes of WAL likewise. `seconds`: without a primary. `at`: Unix time.
    """

    at: float
    kind: str
    epoch: int
    cause: str
    commits: int | None
    missing: int | None
    acknowledged: bool
    seconds: float


class Records:
    """The records, in the control loop's register."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def standby(self) -> Record | None:
        """The standby; None where there is none."""
        found = self._read(_STANDBY)
        return Record(**found) if found else None

    @standby.setter
    def standby(self, record: Record | None) -> None:
        self._write(_STANDBY, asdict(record) if record else None)

    @property
    def former(self) -> Former | None:
        """A former primary that can be brought back."""
        found = self._read(_FORMER)
        return Former(**found) if found else None

    @former.setter
    def former(self, former: Former | None) -> None:
        self._write(_FORMER, asdict(former) if former else None)

    @property
    def last(self) -> Ended | None:
        """How the last takeover ended."""
        found = self._read(_LAST)
        return Ended(**found) if found else None

    @last.setter
    def last(self, ended: Ended) -> None:
        self._write(_LAST, asdict(ended))

    def forget(self) -> None:
        """Forgets all of it."""
        for name in (_STANDBY, _FORMER, _LAST):
            self._memory.unset(name)

    def _read(self, name: str) -> dict[str, Any] | None:
        text = self._memory.get(name)
        return json.loads(text) if text else None

    def _write(self, name: str, value: dict[str, Any] | None) -> None:
        if value is None:
            self._memory.unset(name)
        else:
            self._memory.set(name, json.dumps(value))
