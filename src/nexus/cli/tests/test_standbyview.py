"""What operators read of a standby, in both languages."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import nexus.cli
from nexus.cli.catalogue import PT_BR
from nexus.cli.standbyview import lines, loss

LAST = {
    "at": 1_790_000_000.0,
    "kind": "failover",
    "epoch": 3,
    "cause": "the primary is away: no answer within 1 s",
    "commits": 0,
    "missing": 0,
    "acknowledged": True,
    "seconds": 1.44,
}
STREAM = {"streams": True, "behind": 0, "seconds": 0.01}
STATE: dict[str, Any] = {
    "service": "postgres",
    "decision": 3,
    "moving": None,
    "primary": {"data": "/d/p", "port": 14200, "stable_port": 5433, "state": "ready", "why": ""},
    "standby": {
        "data": "/d/s",
        "port": 14201,
        "state": "ready",
        "why": "",
        "synchronous": True,
        "waited_for": True,
        "auto": True,
        "stream": STREAM,
        "seen_s": 0.2,
    },
    "former": None,
    "last": LAST,
}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_LANG", "en")


def test_a_standby_that_loses_nothing_is_told_so() -> None:
    assert list(lines(STATE)) == [
        "primary: ready, /d/p, port 14200",
        "  port 5433 leads to it until `nexus restart postgres`",
        "standby: ready, /d/s, port 14201",
        "  0 bytes behind; what it shows is 0.0 s old",
        "  each commit waits for it: nothing acknowledged is lost when it takes over",
        "  it takes over by itself",
        "last takeover: 2026-09-21 14:13:20 UTC, writes were accepted again after 1.4 s; nothing was lost "
        "(the primary is away: no answer within 1 s)",
    ]


def test_one_that_is_to_be_waited_for_and_is_not_is_told_too() -> None:
    behind = {**STATE["standby"], "waited_for": False, "auto": False, "stream": None}
    told = list(lines({**STATE, "standby": behind, "last": None}))
    assert "  it does not follow the primary at this moment" in told
    assert "  commits are to wait for it, but do not now: it is away or catches up" in told
    assert told[-1] == "  it takes over with `nexus failover`"


def test_a_fenced_primary_and_an_unfinished_failover_name_the_next_command() -> None:
    told = "\n".join(lines({**STATE, "standby": None, "former": "/d/old", "moving": "/d/s"}))
    assert "`nexus failover` finishes it" in told
    assert "/d/old was the primary and is fenced; `nexus standby add` makes it the standby" in told


@pytest.mark.parametrize(
    ("commits", "missing", "acknowledged", "said"),
    [
        (0, 0, True, "nothing was lost"),
        (None, None, True, "nothing that was acknowledged was lost"),
        (3, 400, False, "3 transactions were lost (400 bytes of WAL)"),
        (None, 400, False, "up to 400 bytes of WAL were lost"),
        (None, None, False, "what was lost is not known: the old primary's disk cannot be read"),
    ],
)
def test_a_loss_is_told_as_it_is(
    commits: int | None, missing: int | None, acknowledged: bool, said: str
) -> None:
    assert loss({**LAST, "commits": commits, "missing": missing, "acknowledged": acknowledged}) == said


def test_everything_that_is_said_can_be_said_in_portuguese() -> None:
    folder = Path(nexus.cli.__file__).parent
    for name in ("standby", "standbyview", "failover"):
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
                said = node.args[0]
                if isinstance(said, ast.Constant):
                    assert said.value in PT_BR, said.value


def test_what_a_former_primary_left_on_another_node_is_told() -> None:
    left = {"node": "n0de3", "host": "node3", "volume": "postgres", "marked": True}
    told = list(lines({**STATE, "left": [left]}))
    assert "volume postgres of node3 is served no more; `nexus standby remove` empties it" in told
