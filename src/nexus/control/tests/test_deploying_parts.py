"""What deployments are made of: requests, their followers, their ends, and the audit trail."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus.control.addresses import Refused
from nexus.control.deploying import ending, history
from nexus.control.deploying.building import called
from nexus.control.deploying.figures import worse
from nexus.control.deploying.proven import proven
from nexus.control.deploying.requests import DeployRequest, RollbackRequest
from nexus.control.deploying.rollout import Aborted, Rollout
from nexus.control.deploying.suspects import fast, offer
from nexus.control.deploying.trail import Trail
from nexus.control.requested import read
from nexus.releases import Release
from nexus.releases.records import Deployment, ReleaseSet
from nexus.releases.scope import Scope
from nexus.releases.scoping.member import Member

BODY: dict[str, Any] = {"who": "ana", "services": ["sales"]}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"services": []}, "services"),
        ({"services": ["sales", "sales"]}, "named twice"),
        ({"strategy": "bold"}, "strategy"),
        ({"steps": [50, 5, 100]}, "steps must rise and end with 100"),
        ({"steps": [5, 50]}, "steps must rise and end with 100"),
        ({"hold": "soon"}, "write it like 30s"),
        ({"bake": -1}, "is negative"),
        ({"ref": "main", "image": "sales:1"}, "exclude each other"),
        ({"speed": 3}, "speed: unknown; there are: bake, force"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_its_field(more: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(DeployRequest, {**BODY, **more})


def test_a_rollback_names_one_module() -> None:
    with pytest.raises(Refused, match="one module"):
        read(RollbackRequest, {"who": "ana", "services": ["sales", "crm"]})


def test_times_are_read_as_people_write_them() -> None:
    asked = read(DeployRequest, {**BODY, "hold": "10s", "bake": "1m", "run": "of the stream"})
    assert (asked.hold, asked.bake) == (10.0, 60.0)


def test_the_audit_trail_is_only_added_to(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "state.db", now=lambda: 7.0)
    trail.add("ana", "override", ["sales", "crm"], "the year ends anyway")
    assert [(e.at, e.who, e.what, e.services, e.reason) for e in trail.latest()] == [
        (7.0, "ana", "override", ("sales", "crm"), "the year ends anyway")
    ]
    for statement in ("DELETE FROM trail", "UPDATE trail SET who = 'bob'"):
        with (
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
            sqlite3.connect(tmp_path / "state.db") as other,
        ):
            other.execute(statement)
    assert trail.latest()[0].who == "ana"
    trail.close()


def test_the_trail_of_one_service_is_not_hidden_by_what_others_did_since(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "state.db")
    trail.add("ana", "deploy", ["sales", "crm"])
    for _ in range(60):
        trail.add("ana", "deploy", ["salesman"])
    assert [each.services for each in trail.latest(service="sales")] == [("sales", "crm")]
    assert [each.services for each in trail.latest(service="crm")] == [("sales", "crm")]
    assert len(trail.latest()) == len(trail.latest(service="salesman")) == 50
    trail.close()


SECOND = ReleaseSet(2, 100.0, {"a": "2", "b": "1"}, "a was let in", None)
LET_IN = Deployment(
    7, "deploy", ("a",), {"a": "1"}, {"a": "2"}, "", "ana", "", 90.0, 110.0, "promoted", "", {}, {}
)


@pytest.mark.parametrize(
    ("own", "at", "found"),
    [
        (LET_IN, 131.0, True),
        (LET_IN, 129.0, False),
        (replace(LET_IN, state="held"), 131.0, False),
        (replace(LET_IN, state="rolled back"), 131.0, False),
        (replace(LET_IN, ended_at=None, state="running"), 131.0, False),
        (replace(LET_IN, evidence={"suspect": "order-to-cash"}), 131.0, False),
        (replace(LET_IN, after={"a": "3"}), 131.0, False),
        (replace(LET_IN, started_at=101.0), 131.0, False),
        (replace(LET_IN, kind="first", started_at=101.0, ended_at=101.0), 131.0, True),
    ],
)
def test_a_set_is_proven_by_its_own_deployment_after_the_bake(
    own: Deployment, at: float, found: bool
) -> None:
    assert proven(SECOND, [own], {"a": 30.0, "b": 999.0}, at) is found


def test_a_release_keeps_its_name_and_no_other_content_takes_it() -> None:
    named = Release("sales", "aaaa", "aaaa", "1.6", "", True, 1.0, "ana")
    again = replace(named, version="1.0.0", built_at=2.0)
    other = replace(again, id="bbbb", digest="bbbb")
    assert called(again, [named], "").version == "1.6"
    assert called(replace(again, id="aaaa-2"), [named], "").version == "1.6"
    assert called(other, [named], "").version == "1.0.0"
    assert called(replace(again, version="1.7"), [named], "1.7").version == "1.7"
    with pytest.raises(Refused, match=r"1\.6 is what people call sales 1\.6 \(aaaa\)"):
        called(replace(other, version="1.6"), [named], "1.6")


async def test_who_follows_late_is_told_everything_once_and_the_newest_figures() -> None:
    rollout, heard = Rollout(1, "deploy", "ana", BODY), list[dict[str, Any]]()
    rollout.tell({"event": "plan"})
    for left in (3, 2):
        rollout.tell({"event": "rollout", "service": "sales", "left": left})
    following = asyncio.create_task(rollout.follow(heard.append))
    await asyncio.sleep(0)
    rollout.tell({"event": "outcome"})
    rollout.over.set()
    await following
    assert [(each["event"], each.get("left")) for each in heard] == [
        ("plan", None),
        ("rollout", 2),
        ("outcome", None),
    ]


async def test_a_deployment_that_stands_still_begins_no_step_until_it_goes_on() -> None:
    rollout = Rollout(1, "deploy", "ana", BODY)
    rollout.pause()
    step = asyncio.create_task(rollout.turn())
    await asyncio.sleep(0)
    assert not step.done()
    rollout.resume()
    await step


async def test_an_abort_ends_what_stands_still_and_cuts_what_may_be_cut() -> None:
    rollout = Rollout(1, "deploy", "ana", BODY)
    rollout.pause()
    standing = asyncio.create_task(rollout.turn())
    cut = asyncio.create_task(rollout.unless_aborted(asyncio.Event().wait()))
    await asyncio.sleep(0)
    rollout.abort("bob")
    for each in (standing, cut):
        with pytest.raises(Aborted, match="aborted by bob"):
            await each


def test_an_end_is_never_told_as_something_better() -> None:
    titles = ("sales 1.0.0 (9f8e7d6c5b4a)",)
    ends = [
        ending.promoted(titles),
        ending.promoted(["redis 9.1"], [{"service": "redis", "seconds": 0.254}]),
        ending.gone_back("errors", titles, touched=True),
        ending.gone_back("it does not start", titles, touched=False),
        ending.held("errors", "mend it"),
    ]
    assert [(end.sentence, end.exit_code) for end in ends] == [
        ("promoted: sales 1.0.0 (9f8e7d6c5b4a)", 0),
        ("promoted: redis 9.1; away meanwhile: redis 0.25 s", 0),
        ("rolled back (cause: errors): sales 1.0.0 (9f8e7d6c5b4a) again", 1),
        ("failed, nothing changed: it does not start", 1),
        ("held: errors; mend it", 3),
    ]


def test_what_is_not_as_it_should_be_is_named() -> None:
    assert ending.differing({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, ["c"]) == ()
    assert ending.differing({"a": "1", "b": "2"}, {"a": "3"}, ["b"]) == (
        "a is 3, not 1",
        "b is unknown, not 2",
        "b still has a candidate",
    )


def test_a_set_tells_what_it_changed() -> None:
    newest = ReleaseSet(2, 20.0, {"a": "2", "b": "1"}, "a was let in", None)
    first = ReleaseSet(1, 10.0, {"a": "1", "b": "1"}, "first releases", True)
    assert [each["changed"] for each in history.sets((newest, first))] == [{"a": "2"}, {"a": "1", "b": "1"}]


def test_answers_that_became_worse_since_a_release_are_bad_figures() -> None:
    usual = {"requests": 900, "errors": 1, "refusals": 0, "calls_failed": 0, "timed": 0, "slow": 0}
    failing = {**usual, "errors": 300, "errors_lasted": 200.0, "more": "than is counted"}
    assert worse("sales", {"stable": usual, "candidate": usual}) == ""
    assert worse("sales", {"stable": failing, "candidate": failing}) == ""
    assert worse("sales", {"stable": usual, "candidate": failing}).startswith("300 of 900 requests failed")


def test_a_suspicion_comes_with_the_command_that_takes_back_what_is_to_blame() -> None:
    sales, crm = (
        Release(name, f"{name}-2", f"{name}-2", "2", "", True, 0.0, "ana") for name in ("sales", "crm")
    )
    members = tuple(
        Member(each.service, each, replace(each, id=f"{each.service}-1"), "its own figures are bad")
        for each in (sales, crm)
    )
    alone = Scope("module", "x", "sales alone", members[:1])
    assert (
        offer(alone) == "a rollback would reach sales alone (its own figures are bad): `nexus rollback sales`"
    )
    assert offer(Scope("set", "x", "everything to set 3", members)).endswith(
        ": `nexus rollback sales --to sales-1`; `nexus rollback crm --to crm-1`"
    )
    assert offer(Scope("none", "x", "nothing was released lately")) == "nothing was released lately"
    crossed = Scope("module", "x", "sales alone", members[:1], ("a contract",), ("roll forward", "restore"))
    assert offer(crossed) == "sales alone; instead: roll forward, or restore"


def test_only_objectives_of_the_processes_in_question_that_burn_fast_are_suspicious() -> None:
    def process(name: str, **burns: float) -> dict[str, Any]:
        objectives = [
            {"name": each, "target": 0.99, "burn": {"5m": burn, "1h": 99.0}} for each, burn in burns.items()
        ]
        return {"name": name, "objectives": objectives}

    told = {"processes": [process("order-to-cash", paid=20.0, shipped=2.0), process("sign-in", quick=50.0)]}
    assert fast(told, frozenset({"order-to-cash"})) == {("order-to-cash", "paid"): 20.0}
