"""What a merge tells is so: whether it was committed, what it wrote, what could not be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PostgresServer

from nexus.business import Invariant
from nexus.recovery.errors import MergeRefused, RecoveryFailed
from nexus.recovery.merging.difference import Policy
from nexus.recovery.merging.tests.two import EVERYTHING, Two, two

COMMITTING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"
WRITING = "SELECT pg_logical_emit_message(true, 'a', 'b')"


@pytest_asyncio.fixture
async def crm(server: PostgresServer) -> AsyncIterator[Two]:
    async with two(server) as found:
        await found.both(
            "CREATE TABLE a (id int PRIMARY KEY, t int, u int UNIQUE)",
            "INSERT INTO a VALUES (1, 1, 10), (2, 2, 20), (3, 3, 30)",
        )
        yield found


async def terminated(crm: Two, work: asyncio.Task[object]) -> bool:
    """Ends the session whose commit waits; False when all was done before."""
    while (pid := await crm.value(COMMITTING)) is None:
        if work.done():
            return False
        await asyncio.sleep(0.02)
    return bool(await crm.value(f"SELECT pg_terminate_backend({pid})"))


@asynccontextmanager
async def commits_that_wait(crm: Two) -> AsyncIterator[None]:
    """Every commit waits for a standby that never comes."""
    name = "ALTER SYSTEM {} synchronous_standby_names {}; SELECT pg_reload_conf()"
    await crm.run(crm.now, *name.format("SET", "= 'nobody'").split(";"))
    try:
        waits = False
        while not waits:
            probe = asyncio.create_task(crm.run(crm.now, WRITING))
            waits = await terminated(crm, probe)
            with suppress(asyncpg.PostgresError):
                await probe
        yield
    finally:
        await crm.run(crm.now, *name.format("RESET", "").split(";"))


async def test_a_connection_that_is_lost_while_it_commits(crm: Two) -> None:
    await crm.run(crm.now, "DELETE FROM a WHERE id = 1")
    found = await crm.compare()
    async with commits_that_wait(crm):
        merging = asyncio.create_task(crm.merge(found))
        assert await terminated(crm, merging)
        with pytest.raises(RecoveryFailed, match="whether it was committed is not known; compare again"):
            await merging
    assert len(await crm.rows("a")) == 3  # it was


async def test_a_connection_that_is_lost_before_it_commits(crm: Two) -> None:
    await crm.run(crm.now, "UPDATE a SET t = 0")
    found = await crm.compare(policy=EVERYTHING)
    holder = await asyncpg.connect(crm.now)
    try:
        await holder.execute("BEGIN; SELECT FROM crm.a FOR UPDATE")
        merging = asyncio.create_task(crm.merge(found))
        waits = (
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while (pid := await crm.value(waits)) is None:
            await asyncio.sleep(0.02)
        await crm.value(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(RecoveryFailed, match=r"went away.*nothing was changed"):
            await merging
    finally:
        await holder.close()


async def test_changed_rows_are_kept_until_somebody_says_so(crm: Two) -> None:
    await crm.run(crm.now, "DELETE FROM a WHERE id = 1", "UPDATE a SET t = 99 WHERE id = 2")
    found = await crm.compare(policy=Policy())
    assert any("1 row of a changed since and is kept" in each for each in found.notes)
    merged = await crm.merge(found)
    assert (merged.back, merged.put) == (1, 0)
    assert await crm.value("SELECT t FROM crm.a WHERE id = 2") == 99


async def test_an_invariant_that_could_never_be_asked_is_told_and_refused_while_triggers_rest(
    crm: Two,
) -> None:
    await crm.run(crm.now, "DELETE FROM a WHERE id = 1")
    found = await crm.compare()
    blind = Invariant("blind", "b", ("crm",), None, Path("x.sql"), "SELECT nothere FROM crm.a")
    with pytest.raises(MergeRefused, match=r"nothing was changed: .*blind.*could not be asked.*nothere"):
        await crm.merge(found, [blind], bypass=True)
    (told,) = (await crm.merge(found, [blind])).unasked
    assert "blind could not be asked" in told


@pytest.mark.parametrize("harm", ["cut", "shorter", "flipped"])
async def test_what_was_spooled_and_is_not_whole_is_refused(crm: Two, harm: str) -> None:
    await crm.run(crm.now, "DELETE FROM a")
    found = await crm.compare()
    part = crm.spool.part(found.tables[0].file, "gone")
    whole = part.read_bytes()
    cut = {"cut": whole[:-2], "shorter": b"".join(whole.splitlines(True)[:2]), "flipped": b"7" + whole[1:]}
    part.write_bytes(cut[harm])
    with pytest.raises(MergeRefused, match="compare again"):
        await crm.merge(found)
    assert await crm.rows("a") == []


async def test_what_triggers_made_of_rows_is_told(crm: Two) -> None:
    await crm.both(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF NEW.id < 3 THEN NEW.t := 50; END IF; RETURN NEW; END$$",
        "CREATE TRIGGER g BEFORE INSERT OR UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f()",
    )
    await crm.run(crm.now, "DELETE FROM a WHERE id <> 2", "UPDATE a SET u = 21 WHERE id = 2")
    merged = await crm.merge(await crm.compare(policy=EVERYTHING))
    assert (merged.back, merged.put, merged.differ) == (2, 1, 2)
    assert "2 of them are not as they were then" in merged.sentence()


async def test_values_that_were_swapped_are_told_as_such(crm: Two) -> None:
    swap = "UPDATE a SET u = {} WHERE id = {}"
    await crm.run(crm.now, *(swap.format(*each) for each in ((99, 1), (10, 2), (20, 1))))
    with pytest.raises(MergeRefused, match="were swapped"):
        await crm.merge(await crm.compare(policy=EVERYTHING))


async def test_what_others_commit_meanwhile_is_not_laid_at_the_merges_door(crm: Two) -> None:
    await crm.both("CREATE TABLE o (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)")
    await crm.run(crm.then, "INSERT INTO b VALUES (1)")
    await crm.run(crm.now, "DELETE FROM a WHERE id = 1")
    found = await crm.compare("a", "b")
    holder = await asyncpg.connect(crm.now)
    try:
        await holder.execute("BEGIN; INSERT INTO crm.b VALUES (1)")  # the merge waits for this key
        orders = Invariant("orders", "o", ("crm",), None, Path("x.sql"), "SELECT id FROM crm.o")
        merging = asyncio.create_task(crm.merge(found, [orders]))
        waits = (
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while await crm.value(waits) is None:
            await asyncio.sleep(0.02)
        await crm.run(crm.now, "INSERT INTO o VALUES (1)")
        await holder.execute("ROLLBACK")
        assert (await merging).back == 2
    finally:
        await holder.close()
