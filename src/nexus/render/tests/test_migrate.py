"""The container that brings schemas up to date: what it is told, and what its image holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nexus.render.containers.migrate import migrate, migrate_files
from nexus.stack import Stack, load_stack
from nexus.stack.migrating import MigrationPolicy

BRICK = "{name: %s, runtime: python, port: %d, needs: {hard: [db]}, database: {schema: %s%s}}"
FORMATS = {
    "till": "",
    "stock": ", migrations: {format: sql, path: sql}",
    "books": ", migrations: {format: command, path: versions, command: [alembic, upgrade, head]}",
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    text = "name: shop\ninfrastructure:\n  db: {kind: database, runtime: postgres, port: 5433}\n"
    (tmp_path / "nexus.yaml").write_text(text)
    for number, (name, told) in enumerate(FORMATS.items()):
        folder = tmp_path / "modules" / name
        for part in ("migrations", "sql", "versions"):
            (folder / part).mkdir(parents=True)
        (folder / "module.yaml").write_text(BRICK % (name, 5010 + number, name, told))
    return load_stack(tmp_path)


def test_it_is_told_each_schema_and_the_format_where_it_is_not_the_usual_one(stack: Stack) -> None:
    told = migrate(stack).environment["NEXUS_SCHEMAS"].split()
    assert sorted(told) == ["books=books:command", "stock=stock:sql", "till=till"]


def test_its_image_holds_the_folders_that_it_reads(stack: Stack) -> None:
    recipe = migrate_files(stack)["migrate/Dockerfile"]
    assert "COPY --link modules/till/migrations /opt/nexus/migrations/till" in recipe
    assert "COPY --link modules/stock/sql /opt/nexus/migrations/stock" in recipe
    assert "books" not in recipe


def test_it_is_told_the_policy_where_it_is_not_the_usual_one(stack: Stack) -> None:
    assert not [name for name in migrate(stack).environment if name.startswith("NEXUS_MIGRATIONS")]
    policy = MigrationPolicy.model_validate(
        {"lock_timeout": "50ms", "patience": "10m", "statement_timeout": "1h"}
    )
    told = migrate(replace(stack, migrations=policy)).environment
    assert {name: value for name, value in told.items() if name.startswith("NEXUS_MIGRATIONS")} == {
        "NEXUS_MIGRATIONS_LOCK_TIMEOUT": "0.05",
        "NEXUS_MIGRATIONS_STATEMENT_TIMEOUT": "3600",
    }
