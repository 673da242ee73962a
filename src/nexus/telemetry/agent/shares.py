"""How gateways are to share requests between two releases, and which instances leave: told by the host, asked
by the gateways.

Nothing of it is kept: an agent that has just started knows nothing, and says so.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_SERVICES = 500
MOST_GATEWAYS = 256
MOST_LEAVING = 500
MOST_FORMER = 1024  # workers of gateways that have been reloaded
OLDEST = 30.0  # seconds that a gateway is remembered which asks no more
GONE = 5.0  # seconds after which a former worker that asks no more has ended
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_WORKER = re.compile(r"[0-9]{0,10}")
_BUSY = re.compile(r"([0-9.]{7,15}):([0-9]{1,9})")


class SharesError(ValueError):
    """What was told or asked is not what it should be; says why."""


@dataclass(frozen=True)
class Told:
    """Service → its candidate's percentage of requests, and the addresses of instances that are to get none
    any more, under the name of this state of things.
    """

    version: str
    shares: Mapping[str, int]
    leaving: tuple[str, ...] = ()

    def to_text(self) -> str:
        """What a gateway's script reads."""
        lines = (f"{name} {percent}\n" for name, percent in sorted(self.shares.items()))
        return f"# {self.version}\n" + "".join((*lines, *(f"- {each}\n" for each in self.leaving)))


@dataclass(frozen=True)
class Seen:
    """A gateway: who it says it is, the version in force there, the candidates that can answer, when it said
    so (seconds before the question), how many requests those that leave still have there, by address, and its
    process that said so.
    """

    who: str
    have: str
    serving: tuple[str, ...]
    ago: float
    busy: Mapping[str, int] = field(default_factory=dict)
    worker: str = ""


@dataclass
class Shares:
    """What was told last, and which gateways have taken it."""

    clock: Callable[[], float] = time.monotonic
    told: Told | None = None
    _seen: dict[str, tuple[float, Seen]] = field(default_factory=dict)
    _former: dict[tuple[str, str], tuple[float, Seen]] = field(default_factory=dict)

    @property
    def let_in(self) -> frozenset[str]:
        """The services that have a candidate, with or without requests."""
        return frozenset(self.told.shares) if self.told else frozenset()

    def tell(self, value: Any) -> Told:
        """From now on, this is what gateways are told.

        Raises:
            SharesError: the value has another shape than `{"version": …, "shares": {SERVICE: PERCENT}}`, with
                `"leaving": [ADDRESS, …]` or without.
        """
        self.told = _told(value)
        return self.told

    def ask(self, address: str, query: Mapping[str, str]) -> Told | None:
        """What the gateway at this address is to take; None when it has that, or nothing was told.

        Raises:
            SharesError: the question has another shape than `who=…&have=…&serving=…&busy=…&worker=…`, with
                `former=1` where a worker asks whose place another has taken.
        """
        who, have = query.get("who", ""), query.get("have", "")
        serving = tuple(filter(None, query.get("serving", "").split(",")))
        if any(each and not _VERSION.fullmatch(each) for each in (who, have)):
            raise SharesError("who and have are words of at most 64 letters, digits and . _ -")
        if len(serving) > MOST_SERVICES or not all(map(_NAME.fullmatch, serving)):
            raise SharesError("serving is a list of services with commas between them")
        busy, worker = _busy(query.get("busy", "")), query.get("worker", "")
        if not _WORKER.fullmatch(worker):
            raise SharesError("worker is the number of a process")
        gateway = Seen(who, have, serving, 0.0, busy, worker)
        if query.get("former"):
            self._remember_former(address, self.clock(), gateway)
        else:
            self._remember(address, gateway)
        return None if self.told is None or self.told.version == have else self.told

    def seen(self) -> dict[str, Any]:
        """The version that was told last, and the gateways that asked lately, by address."""
        now = self.clock()
        gateways = {
            address: {**asdict(each), "ago": round(now - at, 3), "former": self._formers(address, now)}
            for address, (at, each) in self._seen.items()
        }
        return {"version": self.told.version if self.told else "", "gateways": gateways}

    def _remember(self, address: str, gateway: Seen) -> None:
        now = self.clock()
        self._seen = {name: entry for name, entry in self._seen.items() if now - entry[0] <= OLDEST}
        before = self._seen.get(address)
        if before and before[1].worker != gateway.worker:  # until it says so itself, or has ended
            self._remember_former(address, *before)
        if before or len(self._seen) < MOST_GATEWAYS:
            self._seen[address] = (now, gateway)

    def _remember_former(self, address: str, at: float, gateway: Seen) -> None:
        now = self.clock()
        self._former = {key: entry for key, entry in self._former.items() if now - entry[0] <= GONE}
        if (address, gateway.worker) in self._former or len(self._former) < MOST_FORMER:
            self._former[address, gateway.worker] = (at, gateway)

    def _formers(self, address: str, now: float) -> list[dict[str, Any]]:
        """The workers of a gateway whose place another has taken, and that may still have requests."""
        return [
            {"have": each.have, "busy": dict(each.busy)}
            for (where, _), (at, each) in self._former.items()
            if where == address and now - at <= GONE
        ]


def _busy(text: str) -> dict[str, int]:
    parts = text.split(",") if text else []
    found = [_BUSY.fullmatch(each) for each in parts]
    if len(parts) > MOST_LEAVING or not all(found):
        raise SharesError("busy is a list of ADDRESS:REQUESTS with commas between them")
    return {each[1]: int(each[2]) for each in found if each}


def _told(value: Any) -> Told:
    version = value.get("version") if isinstance(value, Mapping) else None
    shares = value.get("shares") if isinstance(value, Mapping) else None
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise SharesError("version is a word of at most 64 letters, digits and . _ -")
    if not isinstance(shares, Mapping) or len(shares) > MOST_SERVICES:
        raise SharesError(f"shares is an object of at most {MOST_SERVICES} services")
    for name, percent in shares.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SharesError(f"{str(name)[:64]!r} is no service's name")
        if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
            raise SharesError(f"the share of {name} is no whole number from 0 to 100")
    return Told(version, dict(shares), _leaving(value.get("leaving", [])))


def _leaving(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_LEAVING:
        raise SharesError(f"leaving is a list of at most {MOST_LEAVING} addresses")
    try:
        return tuple(str(ipaddress.IPv4Address(str(each))) for each in value)
    except ValueError as error:
        raise SharesError(f"leaving: {error}") from error
