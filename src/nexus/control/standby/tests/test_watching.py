"""Whoever watches knows whether a takeover would lose anything, and lets commits wait no longer than said."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control.standby.actions import Actions, connected
from nexus.control.standby.taking_over import TakingOver
from nexus.control.standby.tests.bare import Bare, bare
from nexus.control.standby.watching import RECENT, Watching
from nexus.standby import fence
from nexus.standby.planning import plan_failover, plan_remove
from nexus.standby.replication import take_over_duties


@contextmanager
def stopped(data: Path) -> Iterator[None]:
    """While the block runs, a server hangs."""
    processes = fence.working_in(data)
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            with suppress(ProcessLookupError):  # its keeper has killed what hangs
                os.kill(pid, signal.SIGCONT)


async def nobody(cause: str, since: float) -> None:
    raise AssertionError(f"nothing was to take over: {cause}")


async def watch(watching: Watching) -> None:
    """Looks as often as it can."""
    while True:
        await watching.once()
        await asyncio.sleep(0)


async def until(watching: Watching, what: str, found: Bare, within: float = 30.0) -> None:
    """Watches until something is so of the standby's record."""
    async with asyncio.timeout(within):
        while not eval(what, {"record": found.standing.records.standby}):
            await watching.once()
            await asyncio.sleep(0.05)


async def test_commits_wait_only_as_long_as_was_said_and_nobody_takes_over_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bare() as found:
        await found.add()
        record = found.standing.records.standby
        assert record is not None
        watching = Watching(found.standing, nobody, patience=0.5)
        found.standing.records.standby = replace(record, synchronous=True, auto=True)
        await until(watching, "record.waited_for", found)
        with stopped(Path(record.data)):
            writing = asyncio.create_task(found.write(1))
            await until(watching, "not record.waited_for and not record.fresh", found)
            await writing  # told only after it was noted that a takeover may lose it
            with stopped(found.standing.holder):
                while "does not take over" not in caplog.text:
                    await watching.once()
        assert await found.rows() == {1}
        await watching.close()


async def test_a_standby_that_is_removed_is_not_waited_for_by_a_look_at_the_same_time() -> None:
    async with bare() as found:
        await found.add()
        standing, record = found.standing, found.standing.records.standby
        assert record is not None
        watching = Watching(standing, nobody)
        standing.records.standby = replace(record, synchronous=True)
        await until(watching, "record.waited_for", found)
        looks = [asyncio.create_task(watch(watching)), asyncio.create_task(watch(watching))]
        plan = plan_remove("db", Path(record.data), "a test")
        await found.run(plan, Actions(standing, asyncio.Event()).all())
        for _ in range(3):
            await watching.once()
        for each in looks:
            each.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        assert standing.records.standby is None
        async with connected(standing.url()) as primary:
            assert await primary.fetchval("SHOW synchronous_standby_names") == ""
        await watching.close()


async def test_a_look_of_long_ago_says_nothing_of_what_a_dead_primary_wrote_since() -> None:
    async with bare() as found:
        await found.add()
        watching = Watching(found.standing, nobody)
        await until(watching, "record.fresh", found)
        record = found.standing.records.standby
        assert record is not None
        assert watching.close_behind(record)
        watching.seen_at -= RECENT + 1  # it could not be looked at since, but lived
        assert not watching.close_behind(record)
        later = Watching(found.standing, nobody)
        assert later.close_behind(record)
        assert not later.close_behind(replace(record, fresh_at=record.fresh_at - RECENT - 1))
        await watching.close()


async def test_a_standby_that_keeps_too_little_for_a_reader_is_not_fit() -> None:
    async with bare() as found, connected(found.standing.url()) as primary:
        await primary.execute("SELECT pg_create_physical_replication_slot('nexus_archive', true)")
        await primary.execute("SELECT pg_switch_wal()")
        await found.write(1)
        await found.add()  # its own slot begins where it is, not where that reader is
        record = found.standing.records.standby
        assert record is not None
        async with connected(found.standing.url(record.port)) as standby:
            assert not await take_over_duties(primary, standby, False)
            await primary.execute(
                "SELECT pg_replication_slot_advance('nexus_archive', pg_current_wal_flush_lsn())"
            )
            assert await take_over_duties(primary, standby, False)


async def test_whoever_archives_goes_on_from_the_new_primary_without_a_hole() -> None:
    async with bare() as found:
        await found.add()
        record = found.standing.records.standby
        assert record is not None
        async with connected(found.standing.url()) as primary:
            await primary.execute("SELECT pg_create_physical_replication_slot('nexus_archive', true)")

        watching = Watching(found.standing, nobody)
        async with asyncio.timeout(60), connected(found.standing.url(record.port)) as standby:
            while not await standby.fetchval("SELECT count(*) FROM pg_replication_slots"):
                await watching.once()
        await watching.close()
        await found.run(plan_failover(found.takeover()), TakingOver(found.standing).all())
        async with connected(found.standing.url()) as primary:
            slots = await primary.fetch("SELECT slot_name, wal_status FROM pg_replication_slots")
        kept = {tuple(row) for row in slots}
        assert kept == {("nexus_archive", "reserved"), ("nexus_standby", "reserved")}
