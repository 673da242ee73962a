"""Restores that touch no living stack, from the backups' folder and a key alone."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from nexus.control.addresses import Refused
from nexus.control.recovering.apart import is_apart
from nexus.control.restoring.elsewhere.elsewhere import Elsewhere, Into, opened_for
from nexus.control.restoring.requests import Wish
from nexus.control.restoring.tests.shop import ShopOnDisk, shop_on_disk
from nexus.migrations.rehearsing.sentence import unsaid
from nexus.plans import Outcome
from nexus.postgres import Cluster
from nexus.recovery.restoring.scratch import serve
from nexus.recovery.sealing import new_identity
from nexus.runtimes.home import Home

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[ShopOnDisk]:
    async with shop_on_disk() as found:
        yield found


async def restored(
    shop: ShopOnDisk, into: Path, wish: Wish, take_over: bool = False, **more: str
) -> tuple[Into, Outcome]:
    nowhere = shop.room / "nowhere"
    told = {"place": f"file://{shop.room / 'backups'}", "key": shop.key, **more}
    asked = Elsewhere(into, wish, nowhere, Home.at(nowhere), take_over=take_over, **told)
    async with opened_for(asked, unsaid) as restoring:
        plan = await restoring.plan()
        return restoring, await restoring.run(plan, "test", lambda event: None)


async def sales(cluster: Cluster) -> int:
    connection = await asyncpg.connect(cluster.url("nexus"))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM till.sale"))
    finally:
        await connection.close()


async def test_an_empty_folder_gets_the_files_of_the_moment(shop: ShopOnDisk) -> None:
    await shop.sell()
    at = await shop.now()
    await shop.sell()
    await shop.living.archive()
    into = shop.room / "files"
    into.mkdir()
    restoring, ended = await restored(shop, into, Wish(kind="time", at=at))
    assert ended.state == "done", ended.sentence()
    assert "postgres -D" in restoring.next()
    cluster = Cluster(into, shop.room / "server")
    cluster.furnish()
    await serve(cluster)
    try:
        assert await sales(cluster) == 2
    finally:
        await cluster.stop()


async def test_a_new_path_gets_a_whole_stack_whose_secrets_open_its_database(shop: ShopOnDisk) -> None:
    await shop.sell()
    await shop.living.archive()
    expected = await shop.ask("SELECT count(*) FROM till.sale")
    into = shop.room / "whole"
    (shop.room / "whole.new").mkdir()  # the operator's own
    (shop.room / ".whole.making" / "home" / "data").mkdir(parents=True)  # of one that was killed
    (shop.room / ".whole.making" / "lock").touch()
    restoring, ended = await restored(shop, into, Wish())
    assert ended.state == "done", ended.sentence()
    assert (shop.room / "whole.new").exists()
    assert not (shop.room / ".whole.making").exists()
    home = Home.at(into)
    assert is_apart(home)  # it has the places and the secrets of the living one
    assert (into / "stack" / "modules" / "till" / "module.yaml").exists()
    with closing(sqlite3.connect(home.database)) as state:
        assert dict(state.execute("SELECT name, value FROM settings")) == {"runtime": "process"}
    assert not home.secret(
        "till", "database_url"
    ).exists()  # the next start makes it, and gives it to the till
    password = home.secret("db", "superuser_password").read_text().strip()
    cluster = Cluster(home.data("db"), shop.room / "server", password=password)
    cluster.furnish()
    await cluster.start()
    try:
        assert await sales(cluster) == expected
        till = home.secret("till", "database_password").read_text().strip()
        connection = await asyncpg.connect(f"postgresql://till:{till}@127.0.0.1:{cluster.port}/nexus")
        await connection.close()
    finally:
        await cluster.stop()
    assert restoring.next().endswith("nexus up")


async def test_what_breaks_an_invariant_appears_only_when_the_operator_overrides_it(shop: ShopOnDisk) -> None:
    await shop.sell(-1)
    await shop.living.archive()
    try:
        into = shop.room / "broken"
        _, ended = await restored(shop, into, Wish())
        assert ended.state == "failed"
        assert "every sale" in ended.sentence() or "amounts" in ended.sentence()
        assert not into.exists()
        assert not (shop.room / ".broken.making").exists()
        why = "the auditor wants to see it"
        restoring, ended = await restored(shop, into, Wish(), take_over=True, override=why)
        assert ended.state == "done", ended.sentence()
        assert "amounts" in restoring.said[0]
        assert not is_apart(Home.at(into))
    finally:
        await shop.ask("DELETE FROM till.sale WHERE amount < 0")


async def test_a_wrong_key_opens_nothing_and_leaves_nothing(shop: ShopOnDisk) -> None:
    into = shop.room / "locked"
    with pytest.raises(Refused, match="key"):
        await restored(shop, into, Wish(), key=new_identity())
    assert not into.exists()


async def test_the_plan_says_what_is_not_in_it(shop: ShopOnDisk) -> None:
    at = await shop.now()
    await shop.sell()
    await shop.living.archive()
    nowhere, wish = shop.room / "nowhere", Wish(kind="time", at=at)
    backups = f"file://{shop.room / 'backups'}"
    asked = Elsewhere(shop.room / "x", wish, nowhere, Home.at(nowhere), backups, shop.key)
    async with opened_for(asked, unsaid) as into:
        notes = (await into.plan()).notes
    assert any("not in it:" in note and "transaction" in note for note in notes), notes


async def test_a_folder_that_holds_something_is_refused(shop: ShopOnDisk) -> None:
    into = shop.room / "full"
    into.mkdir()
    (into / "file").touch()
    with pytest.raises(Refused, match="empty"):
        await restored(shop, into, Wish())
