"""The whole ERP out of its newest backup, beside the living one: its books, its orders, its numbers."""

from __future__ import annotations

import json

import pytest

from nexus.testing import ThrowawayStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def test_the_erp_is_restored_beside_itself_and_sells(erp: ThrowawayStack) -> None:
    before = erp.pids()
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
    assert erp.pids() == before
