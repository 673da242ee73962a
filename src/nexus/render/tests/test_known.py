"""A gateway that finds its instances by name goes on with them when it reloads."""

from __future__ import annotations

from pathlib import Path

from nexus.render.tests.found import HERE, house_that_finds


async def test_a_gateway_that_reloads_serves_before_the_name_server_has_answered(tmp_path: Path) -> None:
    async with house_that_finds(tmp_path, HERE) as house:
        await house.until_known()
        house.names.silent = True
        for _ in range(4):
            await house.reload()
            assert {await house.status() for _ in range(20)} == {200}
