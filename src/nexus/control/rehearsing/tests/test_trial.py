"""What a trial knows of the copy, where its status tells nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.control.rehearsing.commands import Commands
from nexus.control.rehearsing.trial import Trial
from nexus.migrations.rehearsing.sentence import unsaid
from nexus.runtimes.home import Home
from nexus.stack import load_stack

STACK = "name: shop\ninfrastructure: {door: {kind: edge, runtime: nginx, port: 8080}}\n"


@pytest.mark.parametrize(
    ("status", "edge"),
    [
        ({"services": [{"name": "door", "port": 9080}]}, "http://127.0.0.1:9080"),
        ({"services": []}, ""),
        ({}, ""),
    ],
)
def test_an_edge_of_which_nothing_is_told_has_no_address(tmp_path: Path, status: object, edge: str) -> None:
    (tmp_path / "nexus.yaml").write_text(STACK)
    commands = Commands(Home.at(tmp_path / "home"), tmp_path)
    trial = Trial(load_stack(tmp_path), commands, {}, frozenset(), unsaid)
    assert trial._edge(status) == edge  # type: ignore[arg-type]
