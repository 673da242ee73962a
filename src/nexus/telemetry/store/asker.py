"""Whoever asks may give up: then what is worked out for them stops."""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import ContextVar

import duckdb

from nexus.telemetry.store.errors import StoreError


class GivenUp(StoreError):
    """Nobody waits for the answer any more."""


class Asker:
    """One question. While it is the value of `ASKER`, the store's connections are made for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._gone = False

    def uses(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """A connection that works for this question. Raises GivenUp."""
        with self._lock:
            if self._gone:
                raise GivenUp("nobody waits for the answer any more")
            self._cursors.append(cursor)

    def give_up(self) -> None:
        """Stops what runs and refuses what would come next."""
        with self._lock:
            self._gone = True
            for cursor in self._cursors:
                with suppress(duckdb.Error):  # it is closed already
                    cursor.interrupt()


ASKER: ContextVar[Asker | None] = ContextVar("nexus_telemetry_asker", default=None)
