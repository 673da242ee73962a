"""The link to Redis."""

from __future__ import annotations

import asyncio

from nexus_kit.redis_link import RedisLink
from nexus_kit.testing import ValkeyServer


async def test_callers_that_connect_at_once_share_one_connection(valkey: ValkeyServer) -> None:
    link = RedisLink(valkey.url, "one-of-many")

    async def ping() -> str:
        await link.connect()
        return str(await link.call("PING"))

    assert await asyncio.gather(*(ping() for _ in range(20))) == ["PONG"] * 20
    assert str(await link.call("CLIENT", "LIST")).count("name=one-of-many ") == 1
    link.close()
