"""The stack's invariants before and after a module's own tool: whether its changes broke one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from nexus.business import InvariantError, load_invariants
from nexus.business.check import CheckError, Result, check_invariants
from nexus.control.secrets import CHECK_URL
from nexus.migrations.commands import Check
from nexus.migrations.errors import MigrationFailed
from nexus.migrations.migration import Source
from nexus.runtimes.site import Site
from nexus.stack import Service

LIMIT_S = 30.0


def checking(site: Site, server: Service, service: Service, source: Source) -> Check:
    """Asks the invariants that read the schema of `service`, those of its own as this release brings them.
    One that takes too long is not known to be broken; one that cannot be asked, since what it reads is not
    there, is told apart from one with rows.

    The returned one raises:
        MigrationFailed: they cannot be read or asked.
    """

    services = tuple(service if each.name == service.name else each for each in site.stack.services)
    stack = replace(site.stack, services=services)

    async def broken() -> Mapping[str, str]:
        try:
            usable = (await asyncio.to_thread(load_invariants, stack)).usable
            asked = [each for each in usable if source.schema in each.needs]
            if not asked:
                return {}
            url = site.secret(server, CHECK_URL).read_text().strip()
            results = [each async for each in check_invariants(url, asked, timeout=LIMIT_S)]
        except (CheckError, InvariantError, OSError) as error:
            raise MigrationFailed(
                f"{source.module}: the invariants around its own tool could not be asked: {error}"
            ) from error
        return {_key(each): _sentence(each) for each in results if not each.ok and not _too_slow(each)}

    return broken


def _too_slow(result: Result) -> bool:
    return bool(result.error) and result.ms >= LIMIT_S * 1000


def _key(result: Result) -> str:
    return f"{result.name}, which cannot be asked" if result.error else result.name


def _sentence(result: Result) -> str:
    what = result.error or f"{result.rows} row{'s' * (result.rows != 1)}"
    return f"{result.name} ({result.title}): {what}"
