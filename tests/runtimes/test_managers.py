"""Of two that change a service of a Swarm at the same time, the managers let one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from uuid import uuid4

import pytest

from nexus.runtimes.containers.engine import Engine
from nexus.runtimes.containers.managers import Managers, Overtaken, Told, decision_of, stopped, tasks_of

pytestmark = [pytest.mark.docker, pytest.mark.swarm]
LABEL = "nexus.decision"


@pytest.fixture
def managers() -> Iterator[Managers]:
    """With one service, `db`, that runs nothing."""
    project = f"seat-{uuid4().hex[:8]}"
    make = ["service", "create", "--quiet", "--detach", "--name", f"{project}_db", "--replicas", "0"]
    subprocess.run(["docker", *make, "postgres:18"], check=True, capture_output=True)
    yield Managers(Engine(), project)
    subprocess.run(["docker", "service", "rm", f"{project}_db"], check=True, capture_output=True)


def test_a_decision_on_what_was_changed_since_is_refused(managers: Managers) -> None:
    async def both() -> Told | None:
        mine, theirs = await managers.service("db"), await managers.service("db")
        assert mine is not None
        assert theirs is not None
        await managers.order(mine, stopped(1, LABEL))
        with pytest.raises(Overtaken, match="somebody else changed"):
            await managers.order(theirs, stopped(2, LABEL))
        return await managers.service("db")

    now = asyncio.run(both())
    assert decision_of(now, LABEL) == 1
    assert tasks_of(now) == 0


def test_a_service_that_is_not_there_has_no_decision_and_no_tasks(managers: Managers) -> None:
    assert asyncio.run(managers.service("d")) is None
    assert asyncio.run(managers.living("d")) == ()
    assert decision_of(None, LABEL) == 0
