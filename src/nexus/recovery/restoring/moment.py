"""A moment to restore to, as operators write it: on the clock of the stack's zone, and never a guess.

2026-11-26T14:30-03:00    an instant (ISO 8601)
2026-11-26 14:30          on the clock of the zone; also a date alone (its beginning), and seconds
14:30, yesterday 18:00    the latest such time that has been; today, yesterday; hoje, ontem
-15m, 1h30m               so long ago
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery.errors import RecoveryError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = r"(\d+(?:\.\d+)?)([smhdw])"
_AGO = re.compile(rf"-?((?:{_PART})+)(?: ago)?")
_CLOCK = re.compile(r"(?:(today|yesterday|hoje|ontem)(?:[ T]+|$))?(?:(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_BEFORE = {"today": 0, "hoje": 0, "yesterday": 1, "ontem": 1}


class NoMoment(RecoveryError):
    """What was written is no moment, or two, or none that has been. `sentence` says why, translatable."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


def moment(text: str, now: float, zone: str) -> float:
    """What an operator wrote, in seconds since the epoch. `now`: likewise; `zone`: whose clock is meant.

    Raises:
        NoMoment: it is none; the clock shows it twice, or never; or it is still to come.
    """
    said, here = text.strip(), ZoneInfo(zone)
    try:
        at = _read(said, datetime.fromtimestamp(now, here), here)
    except (ValueError, OverflowError, OSError):
        raise NoMoment(
            Sentence(
                "{said!r} is no moment; write it like 2026-11-26 14:30, 2026-11-26T14:30-03:00, "
                "yesterday 18:00, 14:30 or -15m",
                said=text,
            )
        ) from None
    if at > now:
        told = _told(at, here)
        raise NoMoment(
            Sentence(
                "{at} is still to come, it is {now}; name a moment that has been",
                at=told,
                now=_told(now, here),
            )
        )
    return at


def _read(said: str, now: datetime, here: ZoneInfo) -> float:
    if ago := _AGO.fullmatch(said):
        spent = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, ago[1]))
        return now.timestamp() - spent
    if said == "now":
        return now.timestamp()
    clock = _CLOCK.fullmatch(said.lower())
    if clock and said:
        return _of_clock(clock, now, here)
    found = datetime.fromisoformat(said)
    return found.timestamp() if found.tzinfo else _on_the_clock(found, here)


def _of_clock(clock: re.Match[str], now: datetime, here: ZoneInfo) -> float:
    """A time of a day that is named, or the latest that has been."""
    hour, minute, second = (int(part or 0) for part in clock.groups()[1:])
    at = time(hour, minute, second)
    if clock[1]:
        return _on_the_clock(_day(now.date(), _BEFORE[clock[1]], at), here)
    today = _day(now.date(), 0, at)
    if today <= now.replace(tzinfo=None):
        return _on_the_clock(today, here)
    return _on_the_clock(_day(now.date(), 1, at), here)


def _day(today: date, before: int, at: time) -> datetime:
    return datetime.combine(today - timedelta(days=before), at)


def _on_the_clock(local: datetime, here: ZoneInfo) -> float:
    """The one instant at which the zone's clock shows this.

    Raises:
        NoMoment: there are two, or none.
    """
    first, second = local.replace(tzinfo=here, fold=0), local.replace(tzinfo=here, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.timestamp()
    if _shown(first, here) == local:
        raise NoMoment(
            Sentence(
                "{local} comes twice in {zone}, where the clock is put back; write {first} for the first, "
                "{second} for the second",
                local=local.isoformat(" "),
                zone=here.key,
                first=first.isoformat(),
                second=second.isoformat(),
            )
        )
    # In a gap the two readings differ by its length, and lie on either side of it.
    gap = _change(
        min(first.timestamp(), second.timestamp()), max(first.timestamp(), second.timestamp()), here
    )
    raise NoMoment(
        Sentence(
            "{local} does not exist in {zone}, where the clock is put forward: it goes from {before} to "
            "{after}",
            local=local.isoformat(" "),
            zone=here.key,
            before=_told(gap - 1, here),
            after=_told(gap, here),
        )
    )


def _shown(moment: datetime, here: ZoneInfo) -> datetime:
    return moment.astimezone(UTC).astimezone(here).replace(tzinfo=None)


def _change(before: float, after: float, here: ZoneInfo) -> int:
    """The second at which the zone's offset changes between two instants."""
    low, high = int(before), int(after)
    former = datetime.fromtimestamp(low, here).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, here).utcoffset() == former:
            low = middle
        else:
            high = middle
    return high


def _told(at: float, here: ZoneInfo) -> str:
    return datetime.fromtimestamp(int(at), here).isoformat()
