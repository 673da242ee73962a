"""Emptying a cache: its streams tell of a future that the restored data do not know."""

from __future__ import annotations

from nexus.runtimes.process.drivers.valkey import PASSWORD
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Service


async def empty(site: Site, cache: Service) -> None:
    """Deletes all that a cache holds. Its modules find that their streams are gone, make them anew above all
    earlier positions, and send what no consumer has acknowledged; what was handled is dropped by inboxes.

    Raises:
        StartError: the cache does not answer.
    """
    from valkey.asyncio import Valkey
    from valkey.exceptions import ValkeyError

    password = site.secret(cache, PASSWORD).read_text().strip()
    client = Valkey(host=LOOPBACK, port=site.ports[cache.name], password=password)
    try:
        await client.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]
        left = await client.execute_command("DBSIZE")  # type: ignore[no-untyped-call]
    except (ValkeyError, OSError) as error:
        raise StartError(f"{cache.name} could not be emptied: {error}") from error
    finally:
        await client.aclose()
    if left:
        raise StartError(f"{cache.name} was emptied, and somebody wrote {left} keys again: who else uses it?")
