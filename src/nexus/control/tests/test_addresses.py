"""Where telemetry is taken in: at its own port, or at the next that is free."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.control.addresses import Addresses, addresses, planned
from nexus.runtimes.ports import listen
from nexus.stack import Stack, load_stack
from nexus.stack.names import OTLP_PORT
from nexus.testing import free_offset


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "nexus.yaml").write_text("{name: shop, bricks: ['*']}")
    (tmp_path / "till").mkdir()
    (tmp_path / "till" / "module.yaml").write_text("{name: till, runtime: python, port: 5003}")
    return load_stack(tmp_path)


def test_telemetry_has_its_own_port_moved_like_all_others(stack: Stack) -> None:
    offset = free_offset(stack.root)
    found = addresses(stack, offset, {})
    assert found == Addresses({"till": 5003 + offset, "telemetry": OTLP_PORT + offset})
    assert planned(stack, offset) == found.ports


@pytest.mark.parametrize("taken", [OTLP_PORT, OTLP_PORT + 1])  # the second is the collector's beside an agent
def test_a_taken_port_of_telemetry_is_no_refusal_but_a_note(stack: Stack, taken: int) -> None:
    offset = free_offset(stack.root)
    with listen("127.0.0.1", taken + offset):
        found = addresses(stack, offset, {})
    assert found.ports["telemetry"] > taken + offset
    (note,) = found.notes
    assert note.startswith(f"port {taken + offset} of telemetry is taken by ")
    assert note.endswith(f"it uses {found.ports['telemetry']} instead")


def test_a_port_that_telemetry_has_stays(stack: Stack) -> None:
    offset = free_offset(stack.root)
    with listen("127.0.0.1", OTLP_PORT + offset):
        found = addresses(stack, offset, {"telemetry": OTLP_PORT + offset})
    assert found == Addresses({"till": 5003 + offset, "telemetry": OTLP_PORT + offset})
