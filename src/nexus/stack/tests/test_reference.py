import re
from pathlib import Path

import pytest

from nexus.stack import Stack, json_schema, load_stack

REFERENCE = Path(__file__).resolve().parents[4] / "docs" / "manifests.md"


@pytest.fixture
def blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def stack(blocks: list[str], tmp_path: Path) -> Stack:
    module, stack = blocks
    (tmp_path / "nexus.yaml").write_text(stack)
    for folder in ("modules/sales", "modules/auth", "modules/crm", "kit", "company"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "modules/sales/module.yaml").write_text(module)
    for folder, query in (
        ("modules/sales/kpis", "order_value"),
        ("objectives", "invoiced"),
    ):
        (tmp_path / folder).mkdir()
        text = "SELECT now() AS minute, 1 AS good, 1 AS total, 1 AS value WHERE $1 < $2"
        (tmp_path / folder / f"{query}.sql").write_text(text)
    (tmp_path / "modules/auth/module.yaml").write_text(
        "name: auth\nruntime: python\nport: 5002\nroutes: [/api/auth]\nsecrets: [probe_password]\n"
    )
    (tmp_path / "modules/crm/module.yaml").write_text(
        "name: crm\nruntime: python\nport: 5004\nevents: {publishes: [customer.created]}\n"
    )
    return load_stack(tmp_path)


def test_the_examples_of_the_reference_load(stack: Stack) -> None:
    assert [service.name for service in stack.services] == ["postgres", "nginx", "auth", "sales"]
    assert [(service.name, need) for service, need in stack.degraded()] == [("sales", "crm")]
    assert [kpi.name for kpi in stack.service("sales").kpis] == ["order-value", "page-success"]
    assert [o.kind for o in stack.processes["order-to-cash"].objectives] == [
        "availability",
        "latency",
        "facts",
    ]
    assert stack.tasks["seed"].path == stack.root / "company"


def test_the_reference_names_every_field(blocks: list[str]) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    for which in ("module", "stack"):
        for field in json_schema(which)["properties"]:
            assert re.search(rf"\b{field}\b", text), field
