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


def run(
    pg: Any, home: Path, database: str, schemas: str = SCHEMAS, **more: str
) -> subprocess.CompletedProcess[str]:
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
        **more,
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


async def test_beside_older_releases_what_they_may_need_is_left_with_what_comes_after_it(
    pg: Any, home: Path
) -> None:
    def write(name: str, sql: str) -> None:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(sql)

    write("crm/3_begun/migration.sql", "ALTER TABLE people DROP COLUMN nobody;")
    failed = run(pg, home, "main_left")
    assert failed.returncode == 1
    assert "nobody" in failed.stderr
    # No release has run on it yet: what it drops nobody needs.
    write("crm/3_begun/migration.sql", "ALTER TABLE people ADD COLUMN a int, ADD COLUMN b int;")
    write("crm/4_less/migration.sql", "ALTER TABLE seen DROP COLUMN i;")
    connection = await asyncpg.connect(pg.dsn("postgres", "main_left", pg.password))
    await connection.execute(
        "UPDATE crm._prisma_migrations SET rolled_back_at = now() WHERE logs IS NOT NULL"
    )
    ended = run(pg, home, "main_left")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "crm: schema crm is up to date" in ended.stdout.splitlines()

    write("crm/5_more/migration.sql", "ALTER TABLE people ADD COLUMN c int;")
    write("crm/6_less/migration.sql", "ALTER TABLE people DROP COLUMN a;")
    write("crm/7_more/migration.sql", "ALTER TABLE people ADD COLUMN d int;")
    write("sales/2_more.sql", "-- nexus: depends=crm/7_more\nALTER TABLE orders ADD COLUMN d int;")
    ended = run(pg, home, "main_left")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert (
        "crm: 6_less is left: it takes away what a release that runs may need: line 1 drops" in ended.stdout
    )
    assert "crm: 7_more is left: it comes after crm/6_less" in lines
    assert "sales: 2_more is left: it comes after crm/7_more" in lines
    assert lines[-3].startswith("crm: schema crm waits with the rest. Once no older release runs")
    columns = "SELECT string_agg(attname, '' ORDER BY attnum) FROM pg_attribute" + (
        " WHERE attrelid = 'crm.people'::regclass AND attnum > 1 AND NOT attisdropped"
    )
    assert await connection.fetchval(columns) == "abc"

    ended = run(pg, home, "main_left", NEXUS_MIGRATIONS_CONTRACTS="apply")
    assert (ended.returncode, ended.stdout.splitlines()[-3]) == (0, "crm: schema crm is up to date")
    assert await connection.fetchval(columns) == "bcd"
    await connection.close()


async def test_the_policy_is_that_of_the_environment(pg: Any, home: Path) -> None:
    assert run(pg, home, "main_policy", "crm=crm sales=sales:sql").returncode == 0
    (home / "crm/3_more").mkdir()
    (home / "crm/3_more/migration.sql").write_text("ALTER TABLE people ADD COLUMN c int;")
    holder = await asyncpg.connect(pg.dsn("postgres", "main_policy", pg.password))
    await holder.execute("BEGIN; SELECT FROM crm.people")
    ended = run(pg, home, "main_policy", "crm=crm sales=sales:sql", NEXUS_MIGRATIONS_PATIENCE="0.3")
    assert ended.returncode == 1
    assert f"needs a lock that is held by pid {holder.get_server_pid()}" in ended.stderr
    await holder.close()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("NEXUS_SCHEMAS", "crm=public", "NEXUS_SCHEMAS: 'crm=public': 'public' is not a usable schema"),
        ("NEXUS_SCHEMAS", "crm=CRM", "NEXUS_SCHEMAS: 'crm=CRM': 'CRM' is not a usable schema"),
        ("NEXUS_MIGRATIONS_PATIENCE", "10m", "NEXUS_MIGRATIONS_PATIENCE: '10m' is not a number of seconds"),
        ("NEXUS_MIGRATIONS_MAX_BLOCK", "-1", "NEXUS_MIGRATIONS_MAX_BLOCK: '-1' is not a number of seconds"),
        ("NEXUS_MIGRATIONS_CONTRACTS", "yes", "NEXUS_MIGRATIONS_CONTRACTS: 'yes' is not `apply`"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_name(
    pg: Any, home: Path, name: str, value: str, why: str
) -> None:
    ended = run(pg, home, "main_bad", **{name: value})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(why)
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("schemas", ["crm", "=crm", "crm=", "crm=crm:rails"])
def test_a_bad_setting_is_named(pg: Any, home: Path, schemas: str) -> None:
    ended = run(pg, home, "main_bad", schemas)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"NEXUS_SCHEMAS: {schemas!r} is not MODULE=SCHEMA or MODULE=SCHEMA:FORMAT\n"
