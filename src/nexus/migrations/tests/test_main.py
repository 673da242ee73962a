"""`python -m nexus.migrations` as its container runs it: with this package and nothing else of Nexus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

import nexus.migrations as package

SCHEMAS = "crm=crm sales=sales:sql stock=stock:command"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The image's files: the code, the modules' folders, the secrets."""
    code = Path(package.__file__).parent
    shutil.copytree(code, tmp_path / "src/nexus/migrations", ignore=shutil.ignore_patterns("tests"))
    shutil.copy(code.parent / "__init__.py", tmp_path / "src/nexus/__init__.py")
    for name, sql in {
        "crm/1_people/migration.sql": "CREATE TABLE people (id int PRIMARY KEY);",
        "crm/2_orders/migration.sql": "-- nexus: depends=sales/1_orders\nCREATE TABLE seen (i int);",
        "sales/1_orders.sql": "-- nexus: depends=crm/1_people\nCREATE TABLE orders (i int);",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(sql)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("check_password", *(f"{m}-database_password" for m in ("crm", "sales", "stock"))):
        (secrets / name).write_text("secret\n")
    return tmp_path


def run(pg: Any, home: Path, database: str, schemas: str = SCHEMAS) -> subprocess.CompletedProcess[str]:
    (home / "secrets/superuser_password").write_text(f"{pg.password}\n")
    address = urlsplit(pg.admin_dsn)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(home / "src"),
        "NEXUS_SCHEMAS": schemas,
        "NEXUS_SECRETS": str(home / "secrets"),
        "PGHOST": str(address.hostname),
        "PGPORT": str(address.port),
        "PGUSER": "postgres",
        "PGDATABASE": database,
    }
    return subprocess.run(
        [sys.executable, "-m", "nexus.migrations"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_all_modules_are_brought_up_to_date_in_the_order_of_their_needs(pg: Any, home: Path) -> None:
    ended = run(pg, home, "main_all")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("crm: 1_people: restore point nexus-crm-1_people-")
    assert [line.rpartition(":")[0] for line in lines if line.endswith(": begins")] == [
        "crm: 1_people",
        "sales: 1_orders",
        "crm: 2_orders",
    ]
    assert lines[-3:] == [
        "crm: schema crm is up to date",
        "sales: schema sales is up to date",
        "stock: schema stock is left to Nexus, which runs its command",
    ]
    again = run(pg, home, "main_all")
    assert (again.returncode, again.stdout.splitlines()) == (0, lines[-3:])
    connection = await asyncpg.connect(pg.dsn("crm", "main_all", "secret"))
    assert await connection.fetchval("SELECT count(*) FROM seen") == 0
    await connection.close()


async def test_what_cannot_be_is_told_before_anything_is_applied(pg: Any, home: Path) -> None:
    (home / "crm/2_orders/migration.sql").write_text("-- nexus: depends=sales/1_orders\nSELECT 1;")
    (home / "sales/1_orders.sql").write_text("-- nexus: depends=crm/2_orders\nSELECT 1;")
    ended = run(pg, home, "main_circle")
    assert ended.returncode == 1
    assert "migrations wait for each other" in ended.stderr
    connection = await asyncpg.connect(pg.dsn("postgres", "main_circle", pg.password))
    assert await connection.fetchval("SELECT to_regclass('crm.people')") is None
    await connection.close()


@pytest.mark.parametrize("schemas", ["crm", "=crm", "crm=", "crm=crm:rails"])
def test_a_bad_setting_is_named(pg: Any, home: Path, schemas: str) -> None:
    ended = run(pg, home, "main_bad", schemas)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"NEXUS_SCHEMAS: {schemas!r} is not MODULE=SCHEMA or MODULE=SCHEMA:FORMAT\n"
