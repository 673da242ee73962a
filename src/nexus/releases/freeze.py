"""Which freezes hold back a change of releases now, and which soon will."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nexus.stack import Freeze, Stack


@dataclass(frozen=True)
class Hold:
    """A freeze that covers `services`, from `begin` to `end` in its own time zone (None = not yet known)."""

    freeze: Freeze
    services: tuple[str, ...]
    begin: datetime
    end: datetime | None

    @property
    def sentence(self) -> str:
        """Which services, why and until when."""
        are = "is" if len(self.services) == 1 else "are"
        said = f"{', '.join(self.services)} {are} frozen by {self.title}"
        return f"{said} until {_moment(self.end)} ({self.freeze.zone})" if self.end else said

    @property
    def forecast(self) -> str:
        """Which services it will cover and from when."""
        return (
            f"{self.title} freezes {', '.join(self.services)} from {_moment(self.begin)} ({self.freeze.zone})"
        )

    @property
    def title(self) -> str:
        """Its name in `nexus.yaml`, and what people call it where that is another one."""
        told = self.freeze.title.get("en", "")
        same = told.replace(" ", "-").lower() == self.freeze.name
        return self.freeze.name if same or not told else f"{self.freeze.name} ({told})"


def frozen(stack: Stack, services: Iterable[str], at: float) -> tuple[Hold, ...]:
    """The freezes that cover any of `services` at the moment `at`, in seconds since the epoch."""
    names = tuple(services)
    found = []
    for freeze in stack.freezes.values():
        covered = tuple(name for name in names if freeze.covers(name))
        window = freeze.window(at) if covered else None
        if window:
            found.append(Hold(freeze, covered, *window))
    return tuple(found)


def coming(stack: Stack, services: Iterable[str], at: float, within: float) -> tuple[Hold, ...]:
    """The freezes that do not cover `services` yet and begin within so many seconds after `at`."""
    names = tuple(services)
    found = []
    for freeze in stack.freezes.values():
        covered = tuple(name for name in names if freeze.covers(name))
        begin = freeze.next_start(at) if covered and freeze.window(at) is None else None
        if begin and begin.timestamp() <= at + within:
            found.append(Hold(freeze, covered, begin, None))
    return tuple(found)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
