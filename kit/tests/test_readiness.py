"""Which migrations a module waits for before it says that it can serve."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexus_kit.health import expected_migrations
from nexus_kit.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scripts = {
        "1_first": "CREATE TABLE a (id int);",
        "2_declared": "\ufeff-- drops what release 1 read\r\n--  nexus:  phase=contract\r\nDROP TABLE b;",
        "3_late": "SELECT 1;\n-- nexus: phase=contract\n",
        "4_expand": "-- nexus: phase=expand\nDROP TABLE c;",
        "5_found": "ALTER TABLE a DROP COLUMN b;",
    }
    for name, sql in scripts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "migration.sql").write_bytes(sql.encode())
    (tmp_path / "migration_lock.toml").write_text('provider = "postgresql"')
    (tmp_path / "6_empty").mkdir()
    return tmp_path


def test_a_module_waits_for_all_but_what_contracts(folder: Path) -> None:
    settings = Settings.from_env("shop", {"NEXUS_CONTRACTS": "5_found  9_of_another_release"})
    assert expected_migrations(folder, settings.contracts) == {"1_first", "3_late", "4_expand"}


def test_without_the_platform_only_what_declares_itself_is_left_out(folder: Path) -> None:
    settings = Settings.from_env("shop", {})
    assert expected_migrations(folder, settings.contracts) == {"1_first", "3_late", "4_expand", "5_found"}


def test_a_module_without_migrations_waits_for_none(tmp_path: Path) -> None:
    assert expected_migrations(None) == frozenset()
    assert expected_migrations(tmp_path / "nowhere") == frozenset()
