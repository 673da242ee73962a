"""Kept connections to primary and standby: one for each address, opened again when it was lost."""

from __future__ import annotations

import asyncpg

from nexus.standby.settings import NAME

LIMIT = 2.0  # seconds for a connection, and for each question


class Links:
    """The connections."""

    def __init__(self) -> None:
        self._open: dict[str, asyncpg.Connection[asyncpg.Record]] = {}

    async def to(self, url: str) -> asyncpg.Connection[asyncpg.Record]:
        """A connection to this address.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: there is none now.
        """
        found = self._open.get(url)
        if found is None or found.is_closed():
            settings = {"application_name": f"{NAME} watch"}
            found = await asyncpg.connect(url, timeout=LIMIT, command_timeout=LIMIT, server_settings=settings)
            self._open[url] = found
        return found

    async def close(self) -> None:
        """Drops all of them without waiting for the servers."""
        for each in self._open.values():
            each.terminate()
        self._open.clear()
