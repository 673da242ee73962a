"""What is said and sent, as values: no database."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from nexus.migrations.applying.backends import Backend, spoken
from nexus.migrations.applying.bound import bound
from nexus.migrations.applying.carrying_over import unchanged
from nexus.migrations.applying.faults import explain, outside
from nexus.migrations.applying.patience import LONGEST, pause_after
from nexus.migrations.applying.restore_point import point_name
from nexus.migrations.applying.steps import fingerprint
from nexus.migrations.migration import Migration
from nexus.migrations.quoting import literal
from nexus.migrations.statements import Statement, statements

AT = datetime(2026, 11, 26, 10, 15, 0, tzinfo=UTC)


def script(sql: str) -> tuple[Statement, ...]:
    return statements(Migration("1_script", sql, ""))


def test_a_blocker_is_told_with_what_it_does() -> None:
    backend = Backend(4711, "crm", "app", "idle in transaction", 540.0, "SELECT *\n  FROM orders")
    assert backend.sentence == (
        "pid 4711 (app, user crm, idle in transaction since 9 min: SELECT * FROM orders)"
    )
    assert Backend(0, "", "", "", 0, "").sentence == "a prepared transaction (see pg_prepared_xacts)"
    assert Backend(7, "", "autovacuum worker", "active", 3.0, "").sentence == (
        "pid 7 (autovacuum worker, active since 3.0 s)"
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.31, "0.3 s"), (45, "45 s"), (540, "9 min"), (10800, "3 h")]
)
def test_durations_are_spoken(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [pause_after(tries, 0.2, lambda: 1.0) for tries in (1, 2, 3, 20, 2000)]
    assert pauses == [0.4, 0.8, 1.6, LONGEST, LONGEST]
    assert pause_after(3, 0.2, lambda: 0.0) == 0.8


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (True, "true"),
        ("plain", "'plain'"),
        ("it's", "'it''s'"),
        ("a\\'b", "E'a\\\\''b'"),
        ("$1 and $2", "'$1 and $2'"),
    ],
)
def test_values_become_literals(value: str | bool | None, expected: str) -> None:
    assert literal(value) == expected
    assert bound("SELECT $2, $1", "one", value) == f"SELECT {expected}, 'one'"


def test_a_text_with_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        literal("a\0b")


@pytest.mark.parametrize("module", ["crm", "a-module-of-a-name-that-is-far-too-long-to-be-kept-whole"])
@pytest.mark.parametrize("name", ["20261101000100_customers", "é" * 60])
def test_a_restore_point_has_a_name_that_postgresql_takes(module: str, name: str) -> None:
    point = point_name(module, name, AT)
    assert len(point.encode()) <= 63
    assert point.startswith(f"nexus-{module}-"[:40])
    assert point.endswith("-20261126T101500Z")


def test_statements_are_the_same_when_all_of_their_text_is() -> None:
    one, other = script("UPDATE t SET a = 'x';\n-- remark\n  UPDATE t SET a = 'x' ")
    assert fingerprint(one) == fingerprint(other)
    assert len({fingerprint(each) for each in script("SELECT 'a b'; SELECT 'a  b'; SELECT 'a\nb'")}) == 3
    assert unchanged({1: fingerprint(one), 2: "gone"}, (one, other)) == {1: 1}
    assert unchanged({1: fingerprint(one), 2: fingerprint(one)}, (one, other)) == {1: 1, 2: 2}


def test_errors_that_say_nothing_of_the_script_are_known() -> None:
    assert outside(asyncpg.DiskFullError("full"))
    assert outside(asyncpg.AdminShutdownError("ends"))
    assert outside(ConnectionResetError("reset"))
    assert not outside(asyncpg.UniqueViolationError("twice"))
    assert not outside(RuntimeError("ours"))


def test_a_lost_connection_is_told_in_one_line() -> None:
    assert explain(ConnectionResetError("by\npeer"), None) == (
        "the connection is lost (ConnectionResetError: by peer)"
    )
