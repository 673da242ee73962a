"""Old images go; what runs, what would run now and what was named by hand stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from nexus.images import build
from nexus.images.inventory import Stored
from nexus.images.pruning import expendable, prune
from nexus.images.tests.conftest import House, docker
from nexus.runtimes.containers.engine import Engine

DAY = datetime(2026, 1, 31, tzinfo=UTC)


def image(service: str, age: int, tag: str = "") -> Stored:
    name = f"shop/{service}:{tag or f'{age:012x}'}"
    return Stored(f"{service}-{age}", service, (name,), DAY - timedelta(age), 1, (), {})


def test_the_newest_of_each_brick_stay() -> None:
    images = tuple(image(service, age) for age in range(4) for service in ("till", "desk"))
    gone = expendable(images, set(), set(), keep=2)
    assert [each.identity for each in gone] == ["till-2", "desk-2", "till-3", "desk-3"]


def test_what_a_container_uses_and_what_would_run_now_stay() -> None:
    images = tuple(image("till", age) for age in range(5))
    gone = expendable(images, {("till", "000000000003")}, {"till-2"}, keep=1)
    assert [each.identity for each in gone] == ["till-1", "till-4"]


def test_what_was_named_by_hand_stays() -> None:
    images = (image("till", 0), image("till", 1), image("till", 2, tag="audited"))
    assert [each.identity for each in expendable(images, set(), set(), keep=1)] == ["till-1"]


@pytest.mark.docker
async def test_old_images_leave_the_engine(
    engine: Engine, small: House, run_container: Callable[..., str]
) -> None:
    made = []
    for word in ("one", "two", "three"):
        (small.root / "till/nexus_till/__main__.py").write_text(f"print({word!r})\n")
        stack, till = small.service("till")
        made.append(str((await build(engine, stack, till)).reference))
    run_container(made[0])
    gone = await prune(engine, stack, keep=1)
    assert [each.names for each in gone] == [(made[1],)]
    assert len(small.images()) == 2
    assert docker("run", "--rm", made[2]) == "three"
