"""The watch over recovery: looks at it all the time, keeps how it stands, and says when something goes wrong.

An alarm is one line of the control loop's log at level error (or warning) that begins with a name that never
changes, `recovery.rpo: …`; alerts hang on it. It is said when it has stood for a minute, again every hour,
and once more, at level info, when it is over: each place and each backup of its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus.control.recovering import kept
from nexus.control.recovering.alarms import Alarm
from nexus.control.recovering.looking import Looker
from nexus.control.recovering.standing import Standing, judge
from nexus.recovery.errors import RecoveryError

log = logging.getLogger("nexus.control")

LASTING = 60.0  # seconds that an alarm stands before it is said
AGAIN = 3600.0  # seconds until it is said again
Key = tuple[str, str]  # of an alarm: its name, and what it is about
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING}


@dataclass
class Watch:
    """`tell` is told each alarm's begin and end, as an event for clients."""

    tell: Callable[[dict[str, Any]], None]
    _since: dict[Key, float] = field(default_factory=dict)
    _said: dict[Key, float] = field(default_factory=dict)

    async def look(self, looker: Looker) -> Standing | None:
        """Looks once, and keeps what it saw; None when nothing could be seen."""
        try:
            async with looker.desk.repository() as repository:
                standing = judge(await looker.facts(repository))
        except RecoveryError as error:
            log.error("recovery.unseen: how recovery stands cannot be seen: %s", error)
            return None
        await asyncio.to_thread(kept.keep, looker.desk.home, standing.as_dict())
        self.judged(standing.alarms, time.monotonic())
        return standing

    def judged(self, alarms: Sequence[Alarm], now: float) -> None:
        """Says what has begun and what is over. Of several of one name about the same the first counts.
        `now`: in seconds, of a clock that nobody puts back.
        """
        standing = {(each.name, each.about): each for each in reversed(alarms)}
        for key in sorted(self._since.keys() - standing.keys()):
            del self._since[key]
            if self._said.pop(key, None) is not None:
                name, about = key
                log.info("%s is over%s", name, f": {about}" if about else "")
                self.tell({"event": "alarm", "name": name, "about": about, "state": "over"})
        for key, alarm in standing.items():
            since = self._since.setdefault(key, now)
            said = self._said.get(key)
            if now - since < LASTING or (said is not None and now - said < AGAIN):
                continue
            self._said[key] = now
            if not alarm.logged:
                log.log(_LEVELS[alarm.level], "%s: %s", alarm.name, alarm.sentence)
            if said is None:
                self.tell({"event": "alarm", "state": "begun", **alarm.as_dict()})
