"""squawk's rules as Nexus tells them."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from pglast import parse_sql

from nexus.migrations.linting import SquawkError
from nexus.migrations.linting.moot import MOOT, ONLY_OURS, OURS, STYLE, WEIGHED
from nexus.migrations.linting.rewrites.table import REWRITES
from nexus.migrations.linting.squawk import squawk
from nexus.migrations.linting.tests.linting import found, living, rules

ALL = Path(__file__).with_name("every_rule.sql")
# What squawk only says when a script opens transactions by itself, or is told to; and what it can be told to.
UNSEEN = {
    "transaction-nesting",
    "require-timeout-settings",
    "require-table-schema",
    "prefer-repack",
    "unused-ignore",
}


def test_every_rule_that_squawk_has_on_is_moot_or_has_a_rewrite_that_parses() -> None:
    script = ALL.read_text()
    told = {each.rule for each in squawk([script])}
    assert len(told) >= 39
    assert told - set(MOOT) - set(REWRITES) - {"syntax-error"} == set()
    for each in found(script, None, aside=True):
        if not each.aside and each.rule in REWRITES:
            assert each.rewrite, each.rule
            parse_sql(each.rewrite)


def test_the_lists_of_rules_name_only_rules_that_squawk_has() -> None:
    told = {each.rule for each in squawk([ALL.read_text()])} | UNSEEN | {"syntax-error"}
    named = {*MOOT, *OURS, *ONLY_OURS, *STYLE, *WEIGHED, *REWRITES}
    assert named - told == set()


def test_places_are_characters_whatever_bytes_come_before_on_the_line() -> None:
    script = 'SELECT 1;\nALTER TABLE é ADD COLUMN "ü" text, ADD COLUMN c int;'
    (told,) = [each for each in squawk([script]) if each.rule == "prefer-bigint-over-int"]
    assert script[told.at :].startswith("int")


def test_all_scripts_go_through_one_run_and_keep_their_numbers() -> None:
    told = squawk(["SELECT 1;", "DROP TABLE t;"])
    assert {each.file for each in told if each.rule == "ban-drop-table"} == {1}


def test_a_configuration_of_the_folder_that_it_is_called_from_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-drop-table"]\n')
    monkeypatch.chdir(tmp_path)
    assert "ban-drop-table" in {each.rule for each in squawk(["DROP TABLE t;"])}


def test_what_nexus_makes_moot_is_set_aside_with_why_and_told_on_demand() -> None:
    sql = "ALTER TABLE orders ADD COLUMN c text; ALTER TABLE orders ADD COLUMN d text;"
    assert found(sql, living()) == ()
    aside = {each.rule: each for each in found(sql, living(), aside=True)}
    assert aside["require-lock-timeout"].aside == MOOT["require-lock-timeout"]
    assert aside["prefer-robust-stmts"].sentence.startswith("2 times")


def test_what_squawk_fears_and_does_not_happen_is_set_aside() -> None:
    told = {
        each.rule: each for each in found("ALTER TABLE orders ALTER COLUMN b TYPE text", living(), aside=True)
    }
    assert "nothing that is there" in told["changing-column-type"].aside


def test_our_findings_carry_the_names_that_squawk_has_for_them() -> None:
    told = {each.rule: each for each in found("CREATE INDEX i ON orders (a)", living())}
    assert told["index-without-concurrently"].also == ("require-concurrent-index-creation",)
    assert "require-concurrent-index-creation" not in told


def test_squawk_names_the_line_of_what_it_speaks_of() -> None:
    (told,) = found("CREATE TABLE n (\n  a text,\n  b varchar(10)\n)", living())
    assert (told.rule, told.line, told.level) == ("prefer-text-field", 3, "note")


def test_a_missing_squawk_is_said_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SquawkError, match="install squawk-cli"):
        squawk(["SELECT 1"])


def test_a_broken_squawk_is_said_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "squawk"
    broken.write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SquawkError, match="out of order"):
        squawk(["SELECT 1"])


def test_renames_that_nobody_reads_keep_squawks_name() -> None:
    assert "renaming-column" in rules(found("ALTER TABLE orders RENAME COLUMN a TO z", living()))


def test_other_names_count_where_code_calls_them() -> None:
    assert "renaming-object" in rules(found("ALTER TYPE state RENAME VALUE 'a' TO 'b'", living()))
    assert rules(found("ALTER INDEX i RENAME TO j", living())) == set()


def test_a_views_column_gets_no_column_beside_it() -> None:
    told = {each.rule: each for each in found("ALTER VIEW v RENAME COLUMN a TO z", None)}
    assert "ADD COLUMN" not in told["renaming-column"].rewrite
    assert "phase=contract" in told["renaming-column"].rewrite
