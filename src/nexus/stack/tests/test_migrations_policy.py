# ruff: noqa: E501 - the expected messages stand whole, as the reader sees them
"""What manifests say of migrations: where they are, and how careful they are applied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nexus.stack import ManifestError, Stack, load_stack

Write = Callable[..., Path]
STACK = "name: shop\ninfrastructure:\n  pg: {kind: database, runtime: postgres, port: 5433}\n"
BRICK = "name: a\nruntime: python\nport: 9001\nneeds: {hard: [pg]}\n"


def load(write: Write, policy: str = "", migrations: str = "") -> Stack:
    stack = STACK + (f"migrations: {policy}\n" if policy else "")
    brick = BRICK + (f"database: {{schema: a, migrations: {migrations}}}\n" if migrations else "")
    return load_stack(write(stack, a=brick))


def test_a_stack_that_says_nothing_is_careful_and_asks_for_no_rehearsal(write: Write) -> None:
    policy = load(write).migrations
    assert policy.rehearse_within is None
    assert (policy.lock_timeout, policy.max_block, policy.patience) == (0.2, 0.3, 600.0)


def test_durations_are_written_as_everywhere(write: Write) -> None:
    policy = load(write, "{rehearse_within: 24h, lock_timeout: 50ms, statement_timeout: 1h}").migrations
    assert (policy.rehearse_within, policy.lock_timeout, policy.statement_timeout) == (86400, 0.05, 3600)


def test_a_command_of_the_modules_own_brings_its_schema_up_to_date(write: Write) -> None:
    database = (
        load(write, migrations="{format: command, command: [alembic, upgrade, head], path: alembic/versions}")
        .service("a")
        .database
    )
    assert database
    assert database.migrations.command == ("alembic", "upgrade", "head")
    assert database.migrations.path == "alembic/versions"


@pytest.mark.parametrize(
    ("policy", "migrations", "expected"),
    [
        ("{lock_timeout: 0}", "", "nexus.yaml:4: migrations.lock_timeout: 0 would mean for ever to PostgreSQL; write how long, for example 200ms"),
        ("{patience: soon}", "", "nexus.yaml:4: migrations.patience: 'soon' is not a duration; write it like 30s, 5m or 2h"),
        ("{rehearse: 24h}", "", "nexus.yaml:4: migrations.rehearse: is not a known field; did you mean 'rehearse_within'?"),
        ("", "{format: command}", "module.yaml:5: database.migrations: the format command needs a `command`; write it like [alembic, upgrade, head]"),
        ("", "{command: [alembic]}", "module.yaml:5: database.migrations: `command` is not for the format prisma; write format: command, or leave it out"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_how_to_mend_it(
    write: Write, policy: str, migrations: str, expected: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        load(write, policy, migrations)
    assert str(caught.value).endswith(expected)
