"""How `nexus.yaml` declares freeze windows, and what can be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from nexus.stack.errors import Fault, ManifestError, suggest
from nexus.stack.freeze import LONGEST, Freeze, read_rule
from nexus.stack.parts import Name, Part, Title
from nexus.stack.reading import Source, read_yaml, validate
from nexus.stack.units import Duration

_SEARCHED = timedelta(days=3660)
_RULE = re.compile(r"^FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY)(;[A-Z]+=[A-Z0-9,+-]+)*$")
_STANDSTILL = re.compile(r";INTERVAL=0*(;|$)")


def _local(value: Any) -> datetime:
    """A local time from YAML's own timestamps and from texts like `2026-11-26T18:00`."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no local time; write it like 2026-11-26T18:00") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is no local time; write it like 2026-11-26T18:00")
    if value.tzinfo is not None:
        raise ValueError(
            f"{value.isoformat()} has an offset; write the local time and name the place in `zone`"
        )
    return datetime(value.year, value.month, value.day, value.hour, value.minute, value.second)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"{value!r} is no time zone; write one like America/Sao_Paulo or UTC") from None
    return value


def _modules(value: Any) -> Any:
    if isinstance(value, str) and value != "all":
        raise ValueError(f"{value!r} is no list of services; write [{value}], or all")
    if value == []:
        raise ValueError("it names no service; write a list, or all")
    return value


def _repeat(value: Any) -> Any:
    if not isinstance(value, str) or not _RULE.match(value) or _STANDSTILL.search(value):
        raise ValueError(
            f"{value!r} is no recurrence rule of RFC 5545 that repeats daily at most; "
            "write it like FREQ=MONTHLY;BYMONTHDAY=-1"
        )
    return value


LocalTime = Annotated[
    datetime,
    BeforeValidator(_local),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$"}),
]
Modules = Annotated[Literal["all"] | tuple[Name, ...], BeforeValidator(_modules)]
Zone = Annotated[str, AfterValidator(_zone)]
Rule = Annotated[str, BeforeValidator(_repeat), WithJsonSchema({"type": "string", "pattern": _RULE.pattern})]


class FreezeManifest(Part):
    """A time in which releases of `modules` are not changed, once or again and again."""

    title: Title = Field({})
    modules: Modules
    zone: Zone = Field("UTC", description="whose local times these are, for example America/Sao_Paulo")
    from_: LocalTime = Field(alias="from", description="when it begins (the first time)")
    until: LocalTime | None = Field(
        None, description="when it ends (the first time), by the clock on the wall"
    )
    for_: Duration | None = Field(None, alias="for", description="or how long it lasts, in elapsed time")
    repeat: Rule | None = Field(
        None, description="recurrence rule of RFC 5545, for example FREQ=MONTHLY;BYMONTHDAY=-1"
    )

    @model_validator(mode="after")
    def _ends(self) -> FreezeManifest:
        if (self.until is None) == (self.for_ is None):
            raise ValueError("one of `until` and `for` tells when it ends; write one of them")
        if self.until is not None and self.until <= self.from_:
            raise ValueError(f"until {self.until.isoformat()} is not after `from`; write a later time")
        if self.for_ == 0:
            raise ValueError("`for` is 0: it would freeze nothing; write how long it lasts")
        length = self.until - self.from_ if self.until else timedelta(seconds=self.for_ or 0)
        if length > LONGEST:
            raise ValueError(f"it lasts longer than {LONGEST.days} days; write a shorter window")
        return self

    @model_validator(mode="after")
    def _begins_by_its_rule(self) -> FreezeManifest:
        """RFC 5545 leaves undefined what a rule means whose first time is not the start."""
        if not self.repeat:
            return self
        try:
            rule = read_rule(self.repeat, self.from_, self.zone)
            rule = rule.replace(until=self.from_ + _SEARCHED, count=None)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"repeat {self.repeat!r} is no recurrence rule ({error}); mend it") from None
        first = next(iter(rule), None)
        if first is None:
            raise ValueError(f"repeat {self.repeat!r} names no day of the next ten years; mend the rule")
        if first != self.from_:
            raise ValueError(
                f"`from` is no time that `repeat` names; write its first, {first.isoformat()}, as `from`"
            )
        return self


def read_freezes(told: Mapping[str, FreezeManifest]) -> dict[str, Freeze]:
    """The freezes of a stack without faults."""
    return {
        name: Freeze(
            name,
            each.title or {"en": name.replace("-", " ")},
            () if each.modules == "all" else each.modules,
            each.zone,
            each.from_,
            each.until,
            each.for_,
            each.repeat or "",
        )
        for name, each in told.items()
    }


class _Freezes(BaseModel):
    """Of `nexus.yaml` the freezes alone."""

    freezes: Mapping[Name, FreezeManifest] = {}


def load_freezes(file: Path, services: Collection[str]) -> dict[str, Freeze]:
    """The freezes that `nexus.yaml` declares now: those who deploy ask it each time. `services`: those that
    the stack has, on or off.

    Raises:
        ManifestError: it cannot be read, or a freeze is wrong.
    """
    source = read_yaml(file)
    told = validate(_Freezes, source.data, source).freezes
    faults = tuple(check_freezes(told, source, services))
    if faults:
        raise ManifestError(faults)
    return read_freezes(told)


def check_freezes(
    told: Mapping[str, FreezeManifest], source: Source, found: Collection[str]
) -> Iterator[Fault]:
    """Return every fault between the freezes and the rest of the stack."""
    for name, each in told.items():
        for index, module in enumerate(() if each.modules == "all" else each.modules):
            if module not in found:
                place = ("freezes", name, "modules", index)
                yield source.fault(place, f"no service is named {module!r}", suggest(module, found))
