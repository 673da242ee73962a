"""Phases of migrations for code that knows some of the folder: what it does not know, it does not miss."""

from __future__ import annotations

from nexus.migrations.migration import Migration, sha256
from nexus.releases.brought import judged

SQL = {
    "1_orders": "CREATE TABLE orders (id int, note text);",
    "2_made": "CREATE TABLE made (id int);",
    "3_gone": "DROP TABLE made;",
    "4_note": "ALTER TABLE orders DROP COLUMN note;",
}
SCRIPTS = tuple(Migration(name, sql, sha256(sql.encode())) for name, sql in SQL.items())


def phases(*unknown: str) -> dict[str, str]:
    return {each.name: each.phase for each in judged(SCRIPTS, unknown)}


def test_what_was_made_after_the_code_that_runs_may_be_taken_away_again() -> None:
    assert phases("2_made", "3_gone", "4_note") == {
        "2_made": "expand",
        "3_gone": "expand",
        "4_note": "contract",
    }


def test_what_the_code_that_runs_knows_is_missed() -> None:
    assert phases("3_gone") == {"3_gone": "contract"}
