"""Rows of a module come back into a living stack, from its own backups and stream."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from nexus.control.client import Client
from nexus.control.restoring.tests.till_stack import TillStack, till_stack


@pytest.fixture(scope="module")
def till() -> Iterator[TillStack]:
    with till_stack() as found:
        yield found


def events(till: TillStack, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """What `nexus restore --module shop` told."""
    done = till.stack.run("restore", "--module", "shop", *arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_rows_that_somebody_deleted_and_changed_at_noon(till: TillStack) -> None:
    for amount in (2, 3, 4):
        till.sell(amount)
    at = till.moment()
    till.fetch("DELETE FROM shop.sale WHERE amount = 2")
    till.fetch("UPDATE shop.sale SET amount = 99 WHERE amount = 3")
    till.sell(50)

    told = events(till, "--at", at, "--plan")
    (plan,) = [each for each in told if each["event"] == "plan"]
    (table,) = plan["difference"]["tables"]
    assert (table["deleted"], table["changed"], table["added"]) == (1, 1, 1)
    rows = {each["kind"]: each for each in told if each["event"] == "row"}
    assert rows["changed"]["then"] == {"amount": "3"}
    assert rows["changed"]["now"] == {"amount": "99"}
    assert rows["changed"]["at"] is not None
    assert [step["action"] for step in plan["plan"]["steps"]] == ["point", "merge"]
    assert till.amounts() == [1, 99, 4, 50]

    both = ("--at", at, "--table", "sale", "--deleted", "--changed")
    (last,) = [each for each in events(till, *both, "--yes") if each["event"] == "outcome"]
    wrote = {"back": 1, "put": 1, "away": 0, "kept": 0, "differ": 0}
    assert last["merged"] == {**wrote, "broken": [], "unasked": []}
    assert last["point"].startswith("nexus-shop-rows-")
    assert till.amounts() == [1, 2, 3, 4, 50]
    assert till.answers() == {"1"}
    assert not os.path.exists(till.home.root / "beside")
    with closing(sqlite3.connect(till.home.database)) as database:
        trail = [
            row[0] for row in database.execute("SELECT what FROM trail WHERE services = 'shop' ORDER BY id")
        ]
    assert trail[-1].startswith("rows of shop back as of ")
    assert "(sale: deleted, changed): 1 brought back, 1 put back" in trail[-1]

    (nothing,) = [each for each in events(till, *both, "--yes") if each["event"] == "outcome"]
    assert nothing["state"] == "nothing to do"


def test_an_invariant_holds_a_merge_back(till: TillStack) -> None:
    till.sell(-7)
    at = till.moment()
    till.fetch("DELETE FROM shop.sale WHERE amount < 0")
    before = till.amounts()
    (last,) = [each for each in events(till, "--at", at, "--yes", code=1) if each["event"] == "outcome"]
    assert "every sale has an amount" in last["sentence"]
    assert till.amounts() == before
    events(till, "--at", at, "--table", "sale", "--where", "amount > 0", "--yes")
    assert till.amounts() == before


def test_what_was_shown_is_what_people_read(till: TillStack) -> None:
    at = till.moment()
    till.fetch("UPDATE shop.sale SET amount = 77 WHERE amount = 50")
    done = till.stack.run("restore", "--module", "shop", "--at", at, "--plan")
    assert done.returncode == 0, done.stderr
    assert "amount: 50 → 77" in done.stdout
    assert "1 row of sale changed since and is kept" in done.stdout
    done = till.stack.run("restore", "--module", "shop", "--at", at, "--changed", "--plan")
    assert "1 put back" in done.stdout


def test_what_was_compared_is_merged_with_no_other_options_and_can_be_forgotten(till: TillStack) -> None:
    at = till.moment()
    till.fetch("DELETE FROM shop.sale WHERE amount = 77")
    (plan,) = [each for each in events(till, "--at", at, "--plan") if each["event"] == "plan"]
    stamp = plan["difference"]["stamp"]
    asked = {"who": "test", "module": "shop", "wish": {}, "stamp": stamp}
    client = Client(till.home)
    other = [*client.stream("/v1/restore/rows", {**asked, "run": "a" * 32, "tables": ["other"]})]
    assert "with other tables" in other[-1]["message"]
    (*_, done) = client.stream("/v1/restore/rows", {**asked, "run": "b" * 32, "forget": True})
    assert done["exit_code"] == 0
    assert not os.path.exists(till.home.root / "recovery" / "merging" / stamp)


def test_what_cannot_be_asked_for_is_told(till: TillStack) -> None:
    at = till.moment()
    for arguments, why in (
        (("--module", "shop", "--at", at, "--yes", "--where", "true"), "--table"),
        (("--at", at, "--table", "sale", "--yes"), "options of --module"),
        (("--module", "nobody", "--at", at, "--yes"), "no module 'nobody'"),
        (("--module", "shop", "--at", at, "--yes", "--table", "salt"), "sale"),
        (("--module", "shop", "--at", "2020-01-01 00:00", "--yes"), "Reachable is from"),
        (("--module", "shop", "--at", at, "--undo"), "once"),
    ):
        done = till.stack.run("restore", *arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert why in done.stderr
