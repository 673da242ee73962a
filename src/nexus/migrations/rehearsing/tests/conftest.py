"""A server of their own: rehearsals copy all of it, and the shared one holds the databases of all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nexus_kit.testing.servers import PostgresServer


@pytest.fixture(scope="module")
def pg() -> Iterator[PostgresServer]:
    """A PostgreSQL 18 with nothing in it (fsync off)."""
    with PostgresServer.serving() as server:
        yield server
