"""Figures that tell how the business does, each declared by the brick that knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import promql_parser
from pydantic import Field, field_validator, model_validator

from nexus.stack.errors import Fault
from nexus.stack.parts import Identifier, Name, Part, Title
from nexus.stack.reading import Location, Source
from nexus.stack.select import read_select
from nexus.stack.units import Duration

SHORTEST = 5.0  # seconds between two evaluations
LONGEST = 86_400.0
SqlFile = Annotated[str, Field(pattern=r"^(\./)?[A-Za-z0-9_-][A-Za-z0-9_./-]*\.sql$")]


class KpiManifest(Part):
    """One figure: a SELECT of `value`, once or for each value of `labels`, or a metric expression."""

    name: Name
    title: Title = Field({})
    unit: Annotated[str, Field(min_length=1, max_length=24)]
    better: Literal["higher", "lower"]
    # A file, not text in the manifest: psql runs and explains it as it stands, and faults name its lines.
    sql: SqlFile | None = Field(None, description="file beside the manifest with one SELECT of `value`")
    metric: str | None = Field(None, description="PromQL over what is scraped")
    every: Duration = Field(30.0, description="how often it is asked; at least 5s")
    labels: tuple[Identifier, ...] = Field((), description="columns beside `value`; at most 50 rows")
    limit: float | None = Field(None, description="worse than this is shown as a warning")
    needs: tuple[Identifier, ...] = Field((), description="schemas it reads; default: the service's own")

    @field_validator("every")
    @classmethod
    def _often_enough(cls, every: float) -> float:
        if not SHORTEST <= every <= LONGEST:
            raise ValueError(f"{every:g}s is not between 5s and 1d; write it like 30s or 5m")
        return every

    @field_validator("metric")
    @classmethod
    def _readable(cls, metric: str | None) -> str | None:
        if metric is not None:
            try:
                promql_parser.parse(metric)
            except ValueError as error:
                raise ValueError(f"is not PromQL ({error}); mend the expression") from error
        return metric

    @model_validator(mode="after")
    def _one_origin(self) -> KpiManifest:
        if (self.sql is None) == (self.metric is None):
            raise ValueError("needs either `sql` or `metric`; write one of them")
        return self


@dataclass(frozen=True)
class Kpi:
    """A figure of `module`, ready to be asked: either `sql` or `metric` holds text. `every` is in seconds."""

    name: str
    module: str
    title: Mapping[str, str]
    unit: str
    better: Literal["higher", "lower"]
    sql: str
    metric: str
    every: float
    labels: tuple[str, ...]
    limit: float | None
    needs: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` reads it back."""
        return asdict(self) | {"title": dict(self.title)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Kpi:
        """What `as_dict` returned, also after a journey as JSON."""
        return cls(**{**told, "labels": tuple(told["labels"]), "needs": tuple(told["needs"])})

    def beyond(self, value: float) -> bool:
        """Whether a value is worse than the limit."""
        if self.limit is None:
            return False
        return value < self.limit if self.better == "higher" else value > self.limit


def read_kpis(
    module: str, kpis: tuple[KpiManifest, ...], schema: str | None, folder: Path, source: Source
) -> tuple[tuple[Kpi, ...], list[Fault]]:
    """Return the figures of a service with the text of their files below `folder`, and what is wrong there.

    `schema` is the service's own, which a figure reads unless it says otherwise.
    """
    found: list[Kpi] = []
    faults: list[Fault] = []
    for index, kpi in enumerate(kpis):
        needs = kpi.needs or ((schema,) if schema and kpi.sql else ())
        if kpi.sql and not needs:
            faults.append(
                source.fault(
                    ("kpis", index), "reads no schema", "name what it reads: `needs: [schema, schema]`"
                )
            )
        text = read_query(folder, kpi.sql, ("kpis", index, "sql"), source, ("value", *kpi.labels), faults)
        found.append(
            Kpi(
                name=kpi.name,
                module=module,
                title=kpi.title or {"en": kpi.name.replace("-", " ")},
                unit=kpi.unit,
                better=kpi.better,
                sql=text,
                metric=kpi.metric or "",
                every=kpi.every,
                labels=kpi.labels,
                limit=kpi.limit,
                needs=needs,
            )
        )
    return tuple(found), faults


def read_query(
    folder: Path,
    path: str | None,
    place: Location,
    source: Source,
    words: tuple[str, ...],
    faults: list[Fault],
) -> str:
    """Return the text of the SQL file that a manifest names ("" for none), and add its faults."""
    if path is None:
        return ""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        faults.append(source.fault(place, f"{path} does not exist", "write it or mend the path"))
        return ""
    text, wrong = read_select(file, words)
    faults.extend(wrong)
    return text
