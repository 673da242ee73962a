"""A stack on a copy of another's data is never taken for that one, and never touches that one's backups."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nexus.control.addresses import Refused, planned
from nexus.control.recovering.apart import set_apart
from nexus.control.recovering.backups import Backups
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.requests import CreateRequest, PruneRequest
from nexus.control.recovering.tests.small_stack import STACK, TILL
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site
from nexus.stack import load_stack


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Of a stack that ever had a database."""
    (tmp_path / "nexus.yaml").write_text(STACK % (tmp_path / "safe"))
    (tmp_path / "modules" / "till" / "migrations").mkdir(parents=True)
    (tmp_path / "modules" / "till" / "module.yaml").write_text(TILL)
    stack, home = load_stack(tmp_path), Home.at(tmp_path / "home")
    home.furnish()
    found = Desk(Site(stack, home, planned(stack, 0)))
    assert (found.has_database, found.began) == (True, False)
    secret = home.secret("db", "admin_url")
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("postgresql://nobody@127.0.0.1:1/nexus")
    return found


def test_a_copy_of_a_stack_has_nothing_to_back_up(desk: Desk) -> None:
    assert desk.began
    assert desk.source().url.startswith("postgresql:")
    set_apart(desk.home, "a rehearsal")
    assert not desk.began
    with pytest.raises(Refused, match="a copy of another's data"):
        desk.source()


@pytest.mark.parametrize(
    "operation",
    [
        lambda backups, *rest: backups.create(CreateRequest(who="carla"), *rest),
        lambda backups, *rest: backups.prune(PruneRequest(who="carla"), *rest),
        lambda backups, *rest: backups.prune(PruneRequest(who="carla", plan_only=True), *rest),
    ],
    ids=["create", "prune", "prune --plan"],
)
async def test_what_operators_ask_for_there_is_refused_and_its_places_stay_as_they_are(
    desk: Desk, operation: Callable[..., Awaitable[None]], tmp_path: Path
) -> None:
    safe = tmp_path / "safe" / "backups" / "20200101T000000Z-full" / "manifest"
    safe.parent.mkdir(parents=True)
    safe.write_text("the living stack's")
    set_apart(desk.home, "a rehearsal")
    events: list[dict[str, Any]] = []
    backups = Backups(lambda: desk, desk.home.database)
    try:
        with pytest.raises(Refused, match="it neither takes nor deletes any"):
            await operation(backups, events.append, asyncio.Event())
    finally:
        backups.close()
    assert (events, safe.read_text()) == ([], "the living stack's")
