"""Running the invariants of the running stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.secrets import CHECK_URL

if TYPE_CHECKING:
    from nexus.control.world import World


async def check(world: World) -> dict[str, Any]:
    """What `nexus check --json` prints.

    Raises:
        Refused: no stack runs.
    """
    if world.site is None:
        raise Refused("nothing runs; start with `nexus up`")
    from nexus import business

    databases = world.site.stack.of_kind("database")
    if not databases:
        return {"ok": True, "invariants": []}
    url = world.secret(databases[0].name, CHECK_URL)
    results = await business.check(world.site.stack, url)
    return {
        "ok": all(result.ok for result in results),
        "invariants": [result.as_dict() for result in results],
    }
