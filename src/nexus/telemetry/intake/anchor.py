"""How far a container's log was read, in the only words that an engine understands: since when."""

from __future__ import annotations

import calendar
import json
import time
from dataclasses import asdict, dataclass

from nexus.telemetry.intake.frames import Line


@dataclass(frozen=True)
class Anchor:
    """`count` lines were used from the first line on that is as late as `stamp`.

    The engine sends from the first line that is as late as it is asked for, and then all that follow, in the
    order in which they were written. So `stamp` only ever moves to a time that is later than all before
    (`latest`): the line it names is found again even after the machine's clock jumped back.
    """

    stamp: str = ""
    count: int = 0
    latest: str = ""

    def after(self, line: Line) -> Anchor:
        """When one more line was used."""
        latest = max(self.latest, line.latest)
        if line.fresh and line.stamp > self.latest:
            return Anchor(line.stamp, 1, latest)
        return Anchor(self.stamp, self.count + 1, latest)

    def since(self) -> str:
        """The engine's parameter: seconds since the epoch with nine decimals; "0" for everything."""
        if not self.stamp:
            return "0"
        whole, _, fraction = self.stamp.rstrip("Z").partition(".")
        seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
        return f"{seconds}.{fraction[:9].ljust(9, '0')}"

    def to_text(self) -> str:
        """A checkpoint."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Anchor:
        """What `to_text` wrote; the beginning when somebody else wrote it."""
        try:
            found = cls(**json.loads(text))
            found.since()
        except (ValueError, TypeError, AttributeError):
            return cls()
        return found


class Resuming:
    """Leaves out what was used before, when an engine sends it again. `lost`: 1 when it no longer had it."""

    def __init__(self, anchor: Anchor) -> None:
        self._anchor = anchor
        self._again = anchor.count
        self._first = True
        self.lost = 0

    def new(self, line: Line) -> bool:
        """Whether this line, the next that the engine sent, was not used yet."""
        if self._first and self._anchor.stamp and line.stamp != self._anchor.stamp:
            self._again, self.lost = 0, 1
        self._first = False
        self._again -= 1
        return self._again < 0
