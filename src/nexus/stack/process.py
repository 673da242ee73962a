"""Business processes: their steps over modules, what tells their state, and what is promised of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from nexus.stack.errors import Fault
from nexus.stack.kpi import SqlFile, read_query
from nexus.stack.parts import Identifier, Name, Part, Title
from nexus.stack.reading import Source
from nexus.stack.units import Duration

_SEGMENT = r"/(?:[A-Za-z0-9._~-]+|\{[a-z_]+\})"
Request = Annotated[str, Field(pattern=rf"^(?:GET|HEAD|POST|PUT|PATCH|DELETE) (?:{_SEGMENT})+$")]
Kind = Literal["availability", "latency", "facts"]
WINDOW_COLUMNS = ("$1", "$2", "minute", "good", "total")


def _share(value: Any) -> float:
    """`99.9%` as a share between 0 and 1, both excluded."""
    text = str(value).strip()
    try:
        percent = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        percent = Decimal(0)
    if not text.endswith("%") or not 0 < percent < 100:
        raise ValueError(f"{value!r} is no share between 0% and 100%; write it like 99.9%")
    return float(percent / 100)


Share = Annotated[
    float, BeforeValidator(_share), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?%$"})
]


class ProcessStep(Part):
    """One step of a business process, the module that carries it and the requests that are this step."""

    name: Name
    module: Name
    title: Title = Field({})
    requests: tuple[Request, ...] = Field((), description="`METHOD /path/{part}`, as users send them")


class ObjectiveManifest(Part):
    """What is promised: of requests their success, with `within` their speed; with `sql` facts."""

    target: Share
    title: Title = Field({})
    within: Duration | None = Field(None, description="a good request is answered in this time")
    sql: SqlFile | None = Field(
        None, description="SELECT minute, good, total of what was decided from $1 until before $2"
    )
    needs: tuple[Identifier, ...] = Field((), description="schemas that `sql` reads")

    @model_validator(mode="after")
    def _one_kind(self) -> ObjectiveManifest:
        if self.sql and self.within:
            raise ValueError("`within` is for requests; put the limit into the SQL")
        if bool(self.sql) != bool(self.needs):
            raise ValueError("`sql` and `needs` go together; name the schemas that the SQL reads")
        return self

    @property
    def kind(self) -> Kind:
        """What its events are."""
        return "facts" if self.sql else "latency" if self.within is not None else "availability"


class ProcessManifest(Part):
    """A business process: its steps in order, over modules."""

    title: Title = Field({})
    steps: tuple[ProcessStep, ...] = Field(min_length=1)
    value: Name | None = Field(None, description="the KPI that says what an hour of it is worth")
    kpis: tuple[Name, ...] = Field((), description="the KPIs that tell its state")
    objectives: Mapping[Name, ObjectiveManifest] = {}


@dataclass(frozen=True)
class Step:
    """One step of a process and the requests that are this step, as `METHOD /path/{part}`."""

    name: str
    module: str
    title: Mapping[str, str]
    requests: tuple[str, ...]


@dataclass(frozen=True)
class Objective:
    """What is promised. `target` is a share between 0 and 1, `within` in seconds, `sql` a query's text."""

    name: str
    title: Mapping[str, str]
    kind: Kind
    target: float
    within: float | None
    sql: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Process:
    """A business process, ready to be watched. `value` and `kpis` name KPIs of the stack."""

    name: str
    title: Mapping[str, str]
    steps: tuple[Step, ...]
    value: str
    kpis: tuple[str, ...]
    objectives: tuple[Objective, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Process:
        """What `as_dict` returned, also after a journey as JSON."""
        steps = tuple(Step(**{**step, "requests": tuple(step["requests"])}) for step in told["steps"])
        objectives = tuple(
            Objective(**{**each, "needs": tuple(each["needs"])}) for each in told["objectives"]
        )
        return cls(**{**told, "steps": steps, "objectives": objectives, "kpis": tuple(told["kpis"])})


def read_processes(
    found: Mapping[str, ProcessManifest], root: Path, source: Source
) -> tuple[dict[str, Process], list[Fault]]:
    """Return the processes with the text of their SQL files below `root`, and what is wrong with those."""
    faults: list[Fault] = []
    processes = {}
    for name, told in found.items():
        objectives = []
        for key, each in told.objectives.items():
            place = ("processes", name, "objectives", key, "sql")
            sql = read_query(root, each.sql, place, source, WINDOW_COLUMNS, faults)
            title = each.title or {"en": key.replace("-", " ")}
            objectives.append(Objective(key, title, each.kind, each.target, each.within, sql, each.needs))
        steps = tuple(Step(s.name, s.module, s.title or {"en": s.name}, s.requests) for s in told.steps)
        processes[name] = Process(
            name, told.title or {"en": name}, steps, told.value or "", told.kpis, tuple(objectives)
        )
    return processes, faults
