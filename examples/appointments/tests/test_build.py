"""What the build is made of, and the tests that run inside it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import nexus_kit
import pytest
from nexus_kit.testing import ModuleProcess

TESTS = Path(__file__).parent
Start = Callable[..., Awaitable[ModuleProcess]]


def test_it_holds_nothing_but_what_runs_and_its_lock_names_no_host(built: Path) -> None:
    for tool in ("prisma", "typescript", "@types/express", ".bin/tsc"):
        assert not (built / "node_modules" / tool).exists(), tool
    assert [
        file for file in built.rglob("*") if "schema-engine" in file.name or "query_engine" in file.name
    ] == []
    packages = json.loads((built / "package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_its_first_migration_is_the_kits_chassis(built: Path) -> None:
    ours = (built / "migrations/20261101000000_chassis/migration.sql").read_text()
    assert ours == (Path(nexus_kit.__file__).parent / "sql/chassis.sql").read_text()


@pytest.mark.parametrize("suite", ["parts", "models", "database"])
async def test_its_own_tests_pass(built: Path, start_appointments: Start, tmp_path: Path, suite: str) -> None:
    module = await start_appointments()
    (tmp_path / "database_url").write_text(module.app_dsn)
    env = {**os.environ, "BUILD": str(built), "DATABASE_URL_FILE": str(tmp_path / "database_url")}
    node = shutil.which("node")
    assert node
    command = [node, "--test", str(TESTS / f"{suite}.test.mjs")]
    done = await asyncio.to_thread(
        subprocess.run, command, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
