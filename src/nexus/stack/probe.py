"""Synthetic probes: what a user would do, told as requests, done again and again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from nexus.stack.parts import Identifier, Name, Part, Title
from nexus.stack.process import Request
from nexus.stack.units import Duration

SHORTEST = 5.0  # seconds between two runs
RUN = "run"  # the variable that is another text in each run
VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9 -]{0,39}$")]
AnswerPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")]
SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*/[a-z][a-z0-9_]*$")]
Status = Annotated[int, Field(ge=100, le=599)]


def _statuses(value: Any) -> Any:
    return (value,) if isinstance(value, int) else value


Statuses = Annotated[tuple[Status, ...], BeforeValidator(_statuses)]


class ProbeStepManifest(Part):
    """One request of a probe and what must come back."""

    name: Label
    title: Title = Field({})
    request: Request = Field(description="`METHOD /path/{variable}`")
    body: Mapping[str, Any] | None = Field(None, description="sent as JSON; its texts may name variables")
    expect: Statuses = Field((), description="a status or several; default: any from 200 to 299")
    keep: Mapping[Identifier, AnswerPath] = Field(
        {}, description="variable: where its value stands in the answer, like `items.0.id`"
    )
    until: Mapping[AnswerPath, str | int | float | bool | None] = Field(
        {}, description="asked again until the answer has these values"
    )
    within: Duration | None = Field(None, description="how long `until` may take")
    always: bool = Field(False, description="done at the end in any case, when its variables are known")

    @model_validator(mode="after")
    def _waits(self) -> ProbeStepManifest:
        if bool(self.until) != (self.within is not None):
            raise ValueError("`until` and `within` go together; say what must come and how long it may take")
        if self.until and not self.request.startswith("GET "):
            raise ValueError("only a GET may be asked again; put `until` into a step of its own")
        return self


class ProbeManifest(Part):
    """A transaction that is done again and again as a user would, through the edge."""

    process: Name = Field(description="the process whose state it tells")
    title: Title = Field({})
    every: Duration = Field(60.0, description="from one run's start to the next; at least 5s")
    timeout: Duration = Field(10.0, description="for all steps; those that are done always get it again")
    secrets: Mapping[Identifier, SecretName] = Field(
        {}, description="variable: `service/name` of a secret of the stack"
    )
    headers: Mapping[str, str] = Field({}, description="of each request, as soon as its variables are known")
    needs: tuple[Name, ...] = Field((), description="services it needs beside those it sends requests to")
    steps: tuple[ProbeStepManifest, ...] = Field(min_length=1)

    @field_validator("every")
    @classmethod
    def _seldom_enough(cls, every: float) -> float:
        if every < SHORTEST:
            raise ValueError(f"{every:g}s is too often; use 5s or more")
        return every

    @model_validator(mode="after")
    def _one_at_a_time(self) -> ProbeManifest:
        if self.every < 2 * self.timeout:
            raise ValueError("two runs could overlap; make `every` at least twice the `timeout`")
        return self


@dataclass(frozen=True)
class ProbeStep:
    """One request. `path` and the texts of `body` may name variables; `within` is in seconds."""

    name: str
    title: Mapping[str, str]
    method: str
    path: str
    body: Mapping[str, Any] | None
    expect: tuple[int, ...]
    keep: Mapping[str, str]
    until: Mapping[str, Any]
    within: float
    always: bool

    @property
    def variables(self) -> frozenset[str]:
        """What must be known before it can be sent."""
        return frozenset(variables(self.path)) | frozenset(variables(self.body))


@dataclass(frozen=True)
class Probe:
    """A probe, ready to run. Times are in seconds, `secrets` are variable → `service/name`, and `needs` all
    services that it cannot do without.
    """

    name: str
    process: str
    title: Mapping[str, str]
    every: float
    timeout: float
    secrets: Mapping[str, str]
    headers: Mapping[str, str]
    needs: tuple[str, ...]
    steps: tuple[ProbeStep, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Probe:
        """What `as_dict` returned, also after a journey as JSON."""
        steps = tuple(ProbeStep(**{**step, "expect": tuple(step["expect"])}) for step in told["steps"])
        return cls(**{**told, "needs": tuple(told["needs"]), "steps": steps})

    @classmethod
    def build(cls, name: str, told: ProbeManifest, carriers: tuple[str, ...]) -> Probe:
        """A probe from its manifest; `carriers` are the services whose routes its requests are under."""
        steps = []
        for each in told.steps:
            method, _, path = each.request.partition(" ")
            title = each.title or {"en": each.name}
            within = each.within or 0.0
            expect, keep, until = each.expect, each.keep, each.until
            steps.append(
                ProbeStep(each.name, title, method, path, each.body, expect, keep, until, within, each.always)
            )
        return cls(
            name=name,
            process=told.process,
            title=told.title or {"en": name.replace("-", " ")},
            every=told.every,
            timeout=told.timeout,
            secrets=told.secrets,
            headers=told.headers,
            needs=tuple(dict.fromkeys((*carriers, *told.needs))),
            steps=tuple(steps),
        )


def variables(value: Any) -> Iterator[str]:
    """The names in braces in a text, or in the texts within a value."""
    if isinstance(value, str):
        yield from VARIABLE.findall(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from variables(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from variables(each)
