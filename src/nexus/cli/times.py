"""Points of time as operators write and read them: written and shown in the local zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from nexus.cli import place
from nexus.cli.language import t

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


class BadTime(ValueError):
    """What was written is no time."""


def seconds(text: str) -> float:
    """An amount of time as seconds: `90s`, `5m`, `1h30m`, `2d`, `1w`.

    Raises:
        BadTime: it is none.
    """
    parts = _AMOUNT.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise BadTime(t("{said!r} is no amount of time; write it like 30s, 5m, 1h or 2d", said=text))
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def moment(text: str, now: datetime) -> datetime:
    """A point of time in UTC: an amount of time before `now`, `today`, `yesterday`, a clock time (the latest
    one that has been), a date, or both as ISO 8601, in the zone of `now` unless it names another.

    Raises:
        BadTime: it is none of them.
    """
    try:
        found = _read(text.strip(), now)
    except (ValueError, OverflowError):
        message = t(
            "{said!r} is no point of time; write it like 1h, 30m, yesterday, 10:00 or 2026-11-25T10:00",
            said=text,
        )
        raise BadTime(message) from None
    return (found if found.tzinfo else found.replace(tzinfo=now.tzinfo)).astimezone(UTC)


def _read(said: str, now: datetime) -> datetime:
    if said == "now":
        return now
    if said in ("today", "yesterday"):
        return _midnight(now, 0 if said == "today" else 1)
    if _AMOUNT.match(said) and said[-1] in _SECONDS:
        return now - timedelta(seconds=seconds(said))
    return _of_clock(said, now) or datetime.fromisoformat(said)


def window(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """From when until when is asked, in UTC; ends the command with exit code 2 when it cannot be read."""
    now = datetime.now().astimezone()
    try:
        first = moment(since, now) if since is not None else None
        last = moment(until, now) if until is not None else None
    except BadTime as error:
        raise place.stop(str(error), 2) from None
    if first and last and first >= last:
        message = t(
            "--since ({since}) is not before --until ({until})", since=local(first), until=local(last)
        )
        raise place.stop(message, 2)
    return first, last


def amount(text: str, option: str) -> float:
    """Seconds that an option names; ends the command with exit code 2 when it cannot be read."""
    try:
        found = seconds(text)
    except BadTime as error:
        raise place.stop(f"{option}: {error}", 2) from None
    if found <= 0:
        raise place.stop(t("{option} is zero; name an amount of time such as 5m", option=option), 2)
    return found


def read(text: str) -> datetime:
    """A time of an answer."""
    return datetime.fromisoformat(text)


def local(when: datetime, fine: bool = False) -> str:
    """A time in the operator's zone: without the date when it was today, with milliseconds when `fine`."""
    here = when.astimezone()
    day = "" if here.date() == datetime.now().astimezone().date() else f"{here:%d/%m} "
    return f"{day}{here:%H:%M:%S}" + (f".{here.microsecond // 1000:03}" if fine else "")


def lasting(spent: float) -> str:
    """An amount of seconds, short: `12 ms`, `1.24 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`."""
    if spent < 0.001:
        return f"{spent * 1e6:.0f} µs"
    if spent < 0.9995:
        return f"{spent * 1e3:.0f} ms" if spent >= 0.00995 else f"{spent * 1e3:.1f} ms"
    if spent < 59.995:
        return f"{spent:.2f} s"
    minutes, rest = divmod(round(spent), 60)
    if minutes < 60:
        return f"{minutes} m {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _midnight(now: datetime, days_before: int) -> datetime:
    return datetime.combine(now.date() - timedelta(days=days_before), time(), now.tzinfo)


def _of_clock(said: str, now: datetime) -> datetime | None:
    clock = _CLOCK.fullmatch(said)
    if clock is None:
        return None
    hour, minute, second = (int(part or 0) for part in clock.groups())
    found = datetime.combine(now.date(), time(hour, minute, second), now.tzinfo)
    return found if found <= now else found - timedelta(days=1)
