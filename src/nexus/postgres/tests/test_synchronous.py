"""Several parts of the platform share one setting: none removes what another has put there."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from nexus_kit.testing.servers import PostgresServer

from nexus.postgres.synchronous import names_in, setting_of, wait_for, waited_for


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        ("2 (a, b)", ("a", "b")),
        ('FIRST 2 ("nexus_archive", "nexus_standby")', ("nexus_archive", "nexus_standby")),
        ("any 1 (a,b)", ("a", "b")),
    ],
)
def test_every_form_of_the_setting_is_read(setting: str, names: tuple[str, ...]) -> None:
    assert names_in(setting) == names


def test_a_commit_waits_for_all() -> None:
    assert setting_of(["b", "a", "b"]) == 'FIRST 2 ("a", "b")'
    assert setting_of([]) == ""


async def test_two_that_change_the_setting_at_once_keep_each_other() -> None:
    with PostgresServer.serving() as server:
        one, two = await asyncpg.connect(server.admin_dsn), await asyncpg.connect(server.admin_dsn)
        await asyncio.gather(wait_for(one, "a", True), wait_for(two, "b", True))
        fresh = await asyncpg.connect(server.admin_dsn)
        assert set(await waited_for(fresh)) == {"a", "b"}
        assert await wait_for(one, "a", False)
        assert not await wait_for(two, "a", False)
        for each in (one, two, fresh):
            await each.close()
