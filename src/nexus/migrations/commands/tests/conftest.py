from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_asyncio

from nexus.migrations.commands.tests.tool_shop import Shop, make_shop


@pytest_asyncio.fixture(loop_scope="session")
async def shop(pg: Any, tmp_path: Path) -> Shop:
    return await make_shop(pg, tmp_path)
