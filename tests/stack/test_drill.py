"""The whole ERP out of its newest backup, beside the living one: its books, its orders, its numbers."""

from __future__ import annotations

import json

import pytest

from nexus.stack.names import CONTROL
from nexus.testing import ThrowawayStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def modules(stack: ThrowawayStack) -> dict[str, list[int]]:
    """What runs, but for the control loop, which is renewed when its code was changed."""
    return {name: pids for name, pids in stack.pids().items() if name != CONTROL}


def test_the_erp_is_restored_beside_itself_and_sells(erp: ThrowawayStack) -> None:
    before = modules(erp)
    erp.nexus("backup", "create")
    done = erp.run("drill", "--json")
    ended = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, (ended, done.stderr)
    (report,) = ended["reports"]
    findings = {each["name"]: each for each in report["findings"]}
    assert int(findings["invariants"]["values"]["count"]) > 50
    assert {findings[name]["state"] for name in ("probe", "totals", "pg_amcheck")} == {"passed"}
    assert findings["cache"]["state"] == "unproven"
    assert report["rto"] < report["promised_rto"]
    assert modules(erp) == before
