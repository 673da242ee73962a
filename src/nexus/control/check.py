"""Running the invariants of the running stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nexus.business import InvariantError, load_invariants
from nexus.business.check import CheckError, check_invariants
from nexus.control.addresses import Refused
from nexus.control.secrets import CHECK_URL
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.world import World


async def check(world: World) -> dict[str, Any]:
    """What `nexus check --json` prints.

    Raises:
        Refused: no stack runs, or an invariant's file is wrong.
        StartError: the database cannot be asked.
    """
    if world.site is None:
        raise Refused("nothing runs; start with `nexus up`")
    databases = world.site.stack.of_kind("database")
    try:
        usable = load_invariants(world.site.stack).usable
        if not databases or not usable:
            return {"ok": True, "invariants": []}
        url = world.secret(databases[0].name, CHECK_URL)
        results = [result async for result in check_invariants(url, usable)]
    except InvariantError as error:
        raise Refused(str(error)) from error
    except (CheckError, FileNotFoundError) as error:
        raise StartError(str(error)) from error
    return {
        "ok": all(result.ok for result in results),
        "invariants": [result.as_dict() for result in results],
    }
