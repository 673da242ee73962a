"""What may happen around a tool's run: another migration, a lost connection, invariants that break."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from nexus.migrations.commands import Ended, run
from nexus.migrations.commands.tests.tool_shop import SETTINGS, Shop
from nexus.migrations.errors import MigrationBlocked, MigrationFailed

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_runs_beside_no_migration_of_the_database_but_prisma_takes_that_lock_itself(
    shop: Shop,
) -> None:
    other = await asyncpg.connect(shop.admin)
    await other.execute("SELECT pg_advisory_lock(72707369)")
    with pytest.raises(MigrationBlocked, match=f"session {other.get_server_pid()} has changed schemas"):
        await shop.run()
    assert shop.begun == []
    command = ("/bin/sh", "-c", 'exec "$@"', "npx prisma", *shop.source.command)
    prisma = replace(shop.source, command=command)
    assert len(await run(shop.admin, prisma, SETTINGS, shop.carry)) == 1
    await other.execute("SELECT pg_advisory_unlock(72707369)")
    shop.version("2.sql", "DO $$ BEGIN ASSERT NOT pg_try_advisory_lock(72707369); END $$")
    assert len(await shop.run()) == 1
    assert await other.fetchval("SELECT pg_try_advisory_lock(72707369)")
    await other.close()


@pytest.mark.parametrize(("code", "outcome"), [(0, "applied"), (3, "failed")])
async def test_a_lost_connection_is_told_and_neither_the_end_nor_the_rights_are_lost(
    shop: Shop, code: int, outcome: str
) -> None:
    async def cut(name: str, command: tuple[str, ...]) -> Ended:
        ((gone,),) = await shop.fetch(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = 'nexus migrate shop' AND datname = current_database()"
        )
        assert gone
        return Ended(code, "ValueError: no" if code else "")

    with pytest.raises(MigrationFailed, match="connection that held the turn") as caught:
        await run(shop.admin, shop.source, SETTINGS, cut, shop.told.append)
    assert ("ended with exit code 3: ValueError: no" if code else "It ended well; this is recorded") in str(
        caught.value
    )
    assert await shop.outcomes() == [outcome]
    assert not await shop.fetch("SELECT FROM pg_auth_members WHERE member = 'shop'::regrole")


async def test_what_no_longer_holds_since_it_ran_is_a_failure(shop: Shop) -> None:
    held: list[dict[str, str]] = [{"old": "old: 1 row"}, {"old": "old: 2 rows", "new": "new: no column a"}]

    async def check() -> dict[str, str]:
        return held.pop(0)

    with pytest.raises(MigrationFailed, match=r"no longer holds: new: no column a\. What it did stays"):
        await run(shop.admin, shop.source, SETTINGS, shop.carry, shop.told.append, check)
    assert await shop.outcomes() == ["failed"]
    assert await shop.fetch("SELECT name FROM shop.version") == [("1.sql",)]
    held += [{"new": "new: 1 row"}, {}]
    assert len(await run(shop.admin, shop.source, SETTINGS, shop.carry, shop.told.append, check)) == 1
    assert await shop.outcomes() == ["failed", "applied"]


async def test_words_about_locks_before_the_last_error_do_not_make_it_run_again(shop: Shop) -> None:
    async def carry(name: str, command: tuple[str, ...]) -> Ended:
        shop.begun.append(name)
        return Ended(1, "applied 1 (set lock timeout to 5 s)\nERROR: syntax error in 2")

    with pytest.raises(MigrationFailed, match="syntax error in 2"):
        await run(shop.admin, shop.source, SETTINGS, carry)
    assert len(shop.begun) == 1
