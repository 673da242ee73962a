from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_asyncio

from nexus.migrations.applying.tests.shop import Shop, make_shop


@pytest_asyncio.fixture(loop_scope="session")
async def shop(pg: Any, tmp_path: Path) -> Shop:
    """A database with the schema `shop`, and an empty folder of migrations."""
    return await make_shop(pg, tmp_path)
