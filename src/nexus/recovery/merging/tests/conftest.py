"""One server for all tests of the folder; it knows when transactions were committed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nexus_kit.testing.servers import PostgresServer


@pytest.fixture(scope="package")
def server() -> Iterator[PostgresServer]:
    found = PostgresServer()
    try:
        with open(found.data / "postgresql.conf", "a") as settings:
            settings.write("track_commit_timestamp = on\n")
        found.start()
        yield found
    finally:
        found.remove()
