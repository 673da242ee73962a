"""What a service's state is, given its instances and its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.control.facts import InstanceFacts
from nexus.control.status import control_entry, service_state, status
from nexus.stack import load_stack


def instance(state: str, pid: int = 1, side: str = "stable") -> InstanceFacts:
    return InstanceFacts("till-1", pid, 9000, "x", state, 0.0, side=side)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("instances", "serving", "state"),
    [
        ([], {"stock"}, "down"),
        ([instance("down", pid=0)], {"stock"}, "down"),
        ([instance("starting"), instance("starting")], {"stock"}, "starting"),
        ([instance("degraded"), instance("starting")], {"stock"}, "degraded"),
        ([instance("ready"), instance("starting")], {"stock"}, "degraded"),
        ([instance("ready"), instance("ready")], {"stock"}, "ready"),
        ([instance("ready"), instance("ready", side="candidate")], {"stock"}, "degraded"),
        ([instance("ready"), instance("ready"), instance("starting", side="candidate")], {"stock"}, "ready"),
        ([instance("ready"), instance("ready")], set(), "degraded"),
    ],
)
def test_the_state_of_a_service_follows_from_its_instances_and_soft_needs(
    tmp_path: Path, instances: list[InstanceFacts], serving: set[str], state: str
) -> None:
    (tmp_path / "till").mkdir()
    (tmp_path / "till" / "module.yaml").write_text(
        "{name: till, runtime: python, port: 5003, needs: {soft: [stock]}, scale: {min: 2}}"
    )
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "module.yaml").write_text("{name: stock, runtime: python, port: 5004}")
    (tmp_path / "nexus.yaml").write_text("{name: shop, bricks: ['*']}")
    till = load_stack(tmp_path).service("till")
    assert service_state(till, instances, serving) == state


def test_a_stack_without_its_control_loop_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text("{name: empty}")
    stack = load_stack(tmp_path)
    assert status(stack, "process", {}, {}, control_entry(7, 8, 9, "s", 0.0, "x"))["ready"]
    without = status(stack, "process", {}, {}, control_entry(None, None, None, "s", 0.0, "x"))
    assert not without["ready"]
    assert without["services"][0]["state"] == "down"
