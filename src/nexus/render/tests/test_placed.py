"""What a standby on another node of a Swarm changes in the stack's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nexus.render.containers.files import ContainerFacts, container_files
from nexus.render.containers.standby import Follower, Placed
from nexus.stack import Stack, load_stack

STACK = """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  queue: {kind: cache, runtime: valkey, port: 6379}
"""
FOLLOWER = Follower("n0de2", "node2", "db-2", 14300, "standby_password@2")


@pytest.fixture
def shop(tmp_path: Path) -> Stack:
    (tmp_path / "nexus.yaml").write_text(STACK)
    return load_stack(tmp_path)


def _files(stack: Stack, placed: Placed | None) -> dict[str, str]:
    return container_files(stack, {}, ContainerFacts(placed=placed))


def _swarm(stack: Stack, placed: Placed | None) -> dict[str, Any]:
    told: dict[str, Any] = YAML(typ="safe").load(_files(stack, placed)["stack.yaml"])
    return told


def test_nothing_changes_while_no_standby_is_there(shop: Stack) -> None:
    assert _files(shop, Placed()) == _files(shop, None)


def test_a_standby_is_one_service_more_and_the_primary_stays_as_it_is(shop: Stack) -> None:
    plain, told = _swarm(shop, None), _swarm(shop, Placed(follower=FOLLOWER))
    assert {name: told["services"][name] for name in plain["services"]} == plain["services"]
    standby = told["services"]["db-standby"]
    assert standby["deploy"]["placement"] == {"constraints": ["node.id == n0de2"]}
    assert {"type": "volume", "source": "db-2", "target": "/var/lib/postgresql"} in standby["volumes"]
    assert [each["target"] for each in standby["secrets"]] == ["standby_password"]
    assert told["secrets"]["db_standby_password.2"]["file"].endswith("/db/standby_password@2")
    assert "ports" not in standby


def test_its_script_names_its_primary_and_writes_nothing_that_outlives_its_promotion(shop: Stack) -> None:
    script = _files(shop, Placed(follower=FOLLOWER))["db-standby/standby.sh"]
    assert "host=db port=5432 user=nexus_standby" in script
    assert "postgresql.auto.conf" not in script
    assert "-c synchronous_standby_names=" in script


def test_a_primary_that_moved_stays_where_it_is(shop: Stack) -> None:
    told = _swarm(shop, Placed(decision=3, node="n0de2", host="node2", volume="db-2"))
    database = told["services"]["db"]
    assert database["deploy"]["placement"] == {"constraints": ["node.id == n0de2"]}
    assert database["deploy"]["labels"] == {"nexus.decision": "3"}
    assert {"type": "volume", "source": "db-2", "target": "/var/lib/postgresql"} in database["volumes"]
    assert told["services"]["queue"] == _swarm(shop, None)["services"]["queue"]


def test_nobody_starts_a_primary_whose_place_is_taken_at_this_moment(shop: Stack) -> None:
    told = _swarm(shop, Placed(decision=3, stopped=True, follower=FOLLOWER))
    assert told["services"]["db"]["deploy"]["replicas"] == 0
    assert told["services"]["db-standby"]["deploy"]["replicas"] == 1
