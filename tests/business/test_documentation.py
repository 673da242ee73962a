"""What is written about KPIs is what the manifests say."""

from collections.abc import Iterator
from pathlib import Path

from nexus.stack import load_stack

ROOT = Path(__file__).resolve().parents[2]


def kpi_table() -> Iterator[str]:
    yield "| KPI | Module | Meaning | Unit | Better | Every | From |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for service in load_stack(ROOT).services:
        for kpi in service.kpis:
            labels = f", by {', '.join(kpi.labels)}" if kpi.labels else ""
            limit = "" if kpi.limit is None else f", limit {kpi.limit:g}"
            every = f"{kpi.every:g} s" if kpi.every < 60 else f"{kpi.every / 60:g} min"
            origin = "SQL" if kpi.sql else "metric"
            meaning, better = f"{kpi.title['en']}{labels}", f"{kpi.better}{limit}"
            cells = (f"`{kpi.name}`", kpi.module, meaning, kpi.unit, better, every, origin)
            yield f"| {' | '.join(cells)} |"


def test_the_table_of_kpis_is_what_the_manifests_declare() -> None:
    told = (ROOT / "docs" / "business.md").read_text(encoding="utf-8").splitlines()
    expected = list(kpi_table())
    begin = told.index(expected[0]) if expected[0] in told else 0
    assert told[begin : begin + len(expected)] == expected


def test_each_module_ships_at_least_three_kpis_and_everything_has_a_title_in_both_languages() -> None:
    stack = load_stack(ROOT)
    for service in stack.services:
        if service.is_brick:
            assert len(service.kpis) >= 3, service.name
        for kpi in service.kpis:
            assert set(kpi.title) == {"en", "pt-BR"}, kpi.name
    for process in stack.processes.values():
        for part in (process, *process.steps, *process.objectives):
            assert set(part.title) == {"en", "pt-BR"}, part.name
