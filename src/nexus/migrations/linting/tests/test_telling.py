"""What is allowed on purpose, and how findings are printed."""

from __future__ import annotations

import pytest

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.linting.finding import Finding
from nexus.migrations.linting.tests.linting import found, living, rules
from nexus.migrations.linting.text import text

INDEX = "CREATE INDEX i ON orders (a);"


@pytest.mark.parametrize("rule", ["index-without-concurrently", "require-concurrent-index-creation"])
def test_what_its_author_allows_is_set_aside_with_the_reason(rule: str) -> None:
    sql = f"-- nexus: allow={rule} because it is Sunday\n{INDEX}"
    assert found(sql, living()) == ()
    (told,) = [each for each in found(sql, living(), aside=True) if each.rule == "index-without-concurrently"]
    assert told.aside == "its author allows it: it is Sunday"


def test_it_is_allowed_for_one_statement_only() -> None:
    allow = "-- nexus: allow=index-without-concurrently because X"
    sql = f"SELECT 1;\n{allow}\n{INDEX}\nCREATE INDEX j ON orders (b);"
    assert [(each.rule, each.line) for each in found(sql, living())] == [("index-without-concurrently", 4)]


def test_several_rules_are_allowed_at_once() -> None:
    sql = "-- nexus: allow=data-loss, ban-truncate-cascade because it is a cache\nTRUNCATE orders CASCADE;"
    assert rules(found(sql, living())) == set()


def test_nothing_is_allowed_without_a_reason() -> None:
    with pytest.raises(MigrationUnreadable, match="because REASON"):
        found(f"-- nexus: allow=index-without-concurrently\n{INDEX}", living())


def test_findings_are_printed_as_a_compiler_does() -> None:
    findings = [
        Finding(
            "a-rule", "error", "x/m.sql", 3, "it hurts", "SELECT 1;\nSELECT 2;", "t: 12 rows", ("b-rule",)
        ),
        Finding("c-rule", "note", "x/m.sql", 4, "no", aside="it is moot"),
    ]
    assert text(findings).splitlines() == [
        "x/m.sql:3: error a-rule (squawk: b-rule): it hurts",
        "    living: t: 12 rows",
        "    write instead:",
        "      SELECT 1;",
        "      SELECT 2;",
        "x/m.sql:4: set aside c-rule: no",
        "    because it is moot",
        "1 error, 1 set aside",
    ]
    assert text([]) == "no findings"
    assert findings[0].as_dict()["rewrite"] == "SELECT 1;\nSELECT 2;"


def test_a_script_that_cannot_be_parsed_is_told_with_its_line() -> None:
    with pytest.raises(MigrationUnreadable, match=r"migration.sql:2: PostgreSQL's parser refuses it"):
        found("SELECT 1;\nSELEC 2;")
