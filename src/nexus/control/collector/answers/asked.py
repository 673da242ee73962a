"""A question's parameters: text from a query string, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

NO_CHOICE = "{name}={value!r} is not one of {known}"
NO_WINDOW = "since={since} is not before until={until}"


class Misasked(ValueError):
    """A parameter cannot be used; the message names it and says how it is written.

    `text` is the message with places in braces for the `values`, so that it can be told in other languages.
    """

    def __init__(self, text: str, **values: str | float) -> None:
        super().__init__(text.format(**values))
        self.text = text
        self.values = values


class Asked:
    """Parameters by name; one that is empty was not given."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value != "":
                self._values.setdefault(name, []).append(value)

    @classmethod
    def of(cls, told: Mapping[str, str | Iterable[str] | None]) -> Asked:
        """From one value or several for each name."""
        return cls(
            (name, value)
            for name, values in told.items()
            if values is not None
            for value in ((values,) if isinstance(values, str) else values)
        )

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self._values.get(name, ()))

    def one(self, name: str) -> str | None:
        """The last value, or None."""
        return self._values.get(name, [None])[-1]

    def must(self, name: str) -> str:
        """The value of what the question makes no sense without."""
        value = self.one(name)
        if value is None:
            raise Misasked("`{name}` is missing", name=name)
        return value

    def flag(self, name: str) -> bool:
        return self.one(name) in ("1", "true", "yes")

    def choice(self, name: str, *choices: str) -> str:
        """One of `choices`; the first when it was not given."""
        value = self.one(name) or choices[0]
        if value not in choices:
            raise Misasked(NO_CHOICE, name=name, value=value, known=", ".join(choices))
        return value

    def whole(self, name: str, default: int, most: int) -> int:
        """A whole number from 0 to `most`."""
        value = self.one(name)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit() or int(value) > most:
            raise Misasked(
                "{name}={value!r} is not a whole number from 0 to {most}", name=name, value=value, most=most
            )
        return int(value)

    def positive(self, name: str, default: float) -> float:
        """A number above 0."""
        value = self.one(name)
        try:
            found = default if value is None else float(value)
        except ValueError:
            found = 0.0
        if not 0 < found < float("inf"):
            raise Misasked("{name}={value!r} is not a number above 0", name=name, value=value or "")
        return found

    def time(self, name: str) -> datetime | None:
        """A point of time: ISO 8601 (UTC unless it names a zone), or seconds since the epoch."""
        value = self.one(name)
        if value is None:
            return None
        try:
            found = _time(value)
        except (ValueError, OverflowError, OSError):
            raise Misasked(
                "{name}={value!r} is not a point of time; write it like 2026-11-25T10:00:00Z",
                name=name,
                value=value,
            ) from None
        return found.astimezone(UTC)

    def window(self, lasting: timedelta) -> tuple[datetime, datetime]:
        """From `since` until `until`: the last `lasting` until now when they were not given."""
        until = self.time("until") or datetime.now(UTC)
        since = self.time("since") or until - lasting
        if since >= until:
            raise Misasked(NO_WINDOW, since=since.isoformat(), until=until.isoformat())
        return since, until

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Values of the form `field=value`."""
        found = []
        for text in self.all(name):
            field, sign, value = text.partition("=")
            if not sign or not field:
                raise Misasked("{name}={value!r} is not of the form field=value", name=name, value=text)
            found.append((field, value))
        return tuple(found)


def _time(text: str) -> datetime:
    if text.replace(".", "", 1).isdigit():
        return datetime.fromtimestamp(float(text), UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
