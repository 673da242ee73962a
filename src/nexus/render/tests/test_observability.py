"""What is rendered for Prometheus and Grafana is valid, asks for what is exported, alerts when it must."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from ruamel.yaml import YAML

from nexus.render.observability import observability
from nexus.stack import Process, Stack, load_stack

ROOT = Path(__file__).resolve().parents[4]
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's `prometheus`) is not here")
HEADS = re.compile(r"""["']((?:nexus|redis|pg|process|container|scrape|nginx|up)[a-z0-9_]*)["']""")


@pytest.fixture(scope="module")
def stack() -> Stack:
    return load_stack(ROOT)


@pytest.fixture(scope="module")
def rendered(stack: Stack) -> dict[str, str]:
    return {Path(name).name: text for name, text in observability(stack).items()}


@pytest.fixture(scope="module")
def rules(rendered: dict[str, str]) -> list[dict[str, Any]]:
    groups = YAML(typ="safe", pure=True).load(rendered["rules.yml"])["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def panels(rendered: dict[str, str]) -> list[dict[str, Any]]:
    return list(json.loads(rendered["dashboard.json"])["panels"])


def parsed(expr: str) -> Any:
    return promql_parser.parse(expr.replace("$__range", "6h").replace("$service", "sales"))


def selected(expr: str) -> set[str]:
    names: set[str] = set()

    def note(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            names.add(node.name)

    promql_parser.walk(parsed(expr), note)
    return names


def expressions(rules: list[dict[str, Any]], panels: list[dict[str, Any]]) -> Iterator[str]:
    yield from (rule["expr"] for rule in rules)
    yield from (target["expr"] for panel in panels for target in panel.get("targets", ()))


def exported() -> set[str]:
    """The names of metrics that stand in the code of those who export them."""
    names = {"up"}
    for folder in (
        "src/nexus/telemetry",
        "src/nexus/business",
        "src/nexus/control/collector",
        "kit/nexus_kit",
    ):
        for file in (ROOT / folder).rglob("*.py"):
            if "tests" not in file.parts:
                names |= set(HEADS.findall(file.read_text()))
    from nexus.telemetry.scrape.postgres_queries import QUERIES

    for query in QUERIES:
        words = set(re.findall(r"[a-z_]+", query.sql))
        names |= {f"{query.name}_{word}" for word in words}
    return names


def is_exported(name: str, names: set[str]) -> bool:
    # A counter of prometheus-client gets `_total`, a histogram its parts, when it is exposed.
    bases = {name, *(name.removesuffix(end) for end in ("_total", "_bucket", "_count", "_sum"))}
    return bool(bases & names)


def test_every_expression_is_promql_and_asks_for_what_is_exported(
    rules: list[dict[str, Any]], panels: list[dict[str, Any]]
) -> None:
    known = exported() | {rule["record"] for rule in rules if "record" in rule}
    asked = {name for expr in expressions(rules, panels) for name in selected(expr)}
    assert {name for name in asked if not is_exported(name, known)} == set()
    assert {"nexus_kpi", "nexus_http_request_seconds_bucket", "pg_cache_hit_ratio"} <= asked


def test_every_objective_has_its_alerts_and_none_that_could_never_fire(
    stack: Stack, rules: list[dict[str, Any]]
) -> None:
    alerts = [rule for rule in rules if rule.get("alert") == "NexusErrorBudgetBurns"]
    told = {(r["labels"]["process"], r["labels"]["objective"], r["labels"]["window"]) for r in alerts}
    objectives = [(p.name, o) for p in stack.processes.values() for o in p.objectives]
    assert {(name, o.name, w) for name, o in objectives for w in ("1h", "6h", "1d", "3d")} == told
    for rule in alerts:
        factor, allowed = re.findall(r"> (\S+) \* (\S+)", rule["expr"])[0]
        assert 0 < float(factor) * float(allowed) < 1


def test_a_low_target_is_alerted_at_what_can_be_reached_and_drawn_so(stack: Stack) -> None:
    process = stack.processes["order-to-cash"]
    low = replace(process, objectives=(replace(process.objectives[0], target=0.8),))
    rendered = {Path(name).name: text for name, text in observability(_only(stack, low)).items()}
    assert re.findall(r"ratio_rate1h\S+ > (\S+) \* (\S+) and", rendered["rules.yml"]) == [("4.5", "0.2")]
    (burns,) = [
        each for each in json.loads(rendered["dashboard.json"])["panels"] if each["title"] == "Burn rate"
    ]
    assert [step["value"] for step in burns["fieldConfig"]["defaults"]["thresholds"]["steps"]] == [
        None,
        1,
        4.5,
    ]


def _only(stack: Stack, process: Process) -> Stack:
    return replace(stack, processes={process.name: process})


def test_the_dashboard_has_every_process_and_every_kpi_in_both_languages(
    stack: Stack, panels: list[dict[str, Any]]
) -> None:
    titles = {panel["title"] for panel in panels}
    assert {f"{p.title['en']} / {p.title['pt-BR']}" for p in stack.processes.values()} <= titles
    asked = json.dumps(panels)
    kpis = [kpi.name for service in stack.services for kpi in service.kpis]
    assert len(kpis) > 20
    assert [name for name in kpis if f'kpi=\\"{name}\\"' not in asked] == []


def test_panels_stand_beside_and_below_one_another(panels: list[dict[str, Any]]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


@needs_promtool
def test_promtool_takes_the_configuration_and_the_rules(rendered: dict[str, str], tmp_path: Path) -> None:
    for name, text in rendered.items():
        (tmp_path / name).write_text(text)
    promtool(tmp_path, "check", "config", "--syntax-only", "prometheus.yml")
    assert "rules found" in promtool(tmp_path, "check", "rules", "rules.yml")


@needs_promtool
def test_a_budget_that_burns_pages_within_minutes_and_an_old_burn_does_not(
    rules: list[dict[str, Any]], tmp_path: Path
) -> None:
    paged = [rule for rule in rules if "record" in rule or rule["labels"].get("window") == "1h"]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "paged", "rules": paged}]}))
    labels = '{process="order-to-cash",objective="availability"}'

    def paging(at: str, alerts: int) -> dict[str, Any]:
        samples = [{"labels": "{}", "value": alerts}] if alerts else []
        asked = 'count(ALERTS{alertname="NexusErrorBudgetBurns",window="1h",alertstate="firing"})'
        return {"expr": asked, "eval_time": at, "exp_samples": samples}

    # 200 events in two minutes: all good for an hour, then 5 % bad for half an hour, then all good again.
    test = {
        "interval": "2m",
        "input_series": [
            {"series": f"nexus_sli_events_total{labels}", "values": "0+200x60"},
            {"series": f"nexus_sli_good_total{labels}", "values": "0+200x30 6190+190x14 9050+200x15"},
        ],
        "promql_expr_test": [paging("55m", 0), paging("85m", 1), paging("115m", 0)],
    }
    (tmp_path / "test.json").write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [test]}))
    promtool(tmp_path, "test", "rules", "test.json")


def promtool(folder: Path, *arguments: str) -> str:
    assert PROMTOOL
    done = subprocess.run(
        [PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
