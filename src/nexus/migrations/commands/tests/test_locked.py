from __future__ import annotations

import pytest

from nexus.migrations.commands.locked import got_no_lock

ALEMBIC = """\
psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
sqlalchemy.exc.OperationalError: (psycopg2.errors.LockNotAvailable) canceling statement due to lock timeout

[SQL: ALTER TABLE items ADD COLUMN a int]
(Background on this error at: https://sqlalche.me/e/20/e3q8)
"""


@pytest.mark.parametrize(
    "output",
    [
        ALEMBIC,
        "django.db.utils.OperationalError: canceling statement due to lock timeout\n",
        "asyncpg.exceptions.LockNotAvailableError: canceling statement due to lock timeout",
        "psql:1.sql:3: ERRO:  cancelando comando por causa do tempo de espera (timeout) do bloqueio",
        "pq: canceling statement due to lock timeout\nexit status 1",
        'ERROR: syntax error in 0001\nmended by itself\nERROR:  could not obtain lock on relation "items"',
        "ERROR: algo\nSQL State  : 55P03\nError Code : 0\nLocation   : 0003.sql",
    ],
)
def test_the_last_error_is_a_lock_that_was_not_had(output: str) -> None:
    assert got_no_lock(output)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "applied 0001\napplied 0002 (set lock timeout to 5 s)\nERROR: syntax error in 0003",
        "ERROR: canceling statement due to lock timeout\nagain\nERROR: column a does not exist",
        f"{ALEMBIC}sqlalchemy.exc.ProgrammingError: column a does not exist",
        "canceling statement due to lock timeout, tried again\nValueError: no such file",
        "ERROR: canceling statement due to statement timeout",
    ],
)
def test_any_other_last_error_is_none(output: str) -> None:
    assert not got_no_lock(output)
