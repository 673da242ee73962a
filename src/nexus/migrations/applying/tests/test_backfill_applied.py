"""Batches within a migration: interrupted anywhere, failed and mended, refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nexus.migrations.applying.tests.shop import Shop, make_shop
from nexus.migrations.errors import MigrationFailed, MigrationUnreadable

CHILD = Path(__file__).with_name("apply_and_tell.py")
MADE = (
    "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL);"
    "INSERT INTO t SELECT i, 0 FROM generate_series(1, 350) i;"
    "CREATE TABLE copied (id int);"
)
FILLED = """-- nexus: transaction=none
-- nexus: batch=100
UPDATE t SET n = n + 1;
-- nexus: batch=100
INSERT INTO copied SELECT id FROM t;
CREATE INDEX CONCURRENTLY t_n ON t (n);
"""


async def is_filled(shop: Shop) -> None:
    assert await shop.fetch("SELECT n, count(*) FROM t GROUP BY n") == [(1, 350)]
    assert await shop.fetch("SELECT count(*), count(DISTINCT id) FROM copied") == [(350, 350)]
    assert await shop.fetch("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_n'::regclass") == [(True,)]
    assert (await shop.rows())[-1] == ("2_filled", "applied")


def interrupted(shop: Shop, events: int) -> bool:
    """Apply in another process and kill it in its event number `events`; whether it came so far."""
    command = [sys.executable, str(CHILD), shop.dsn, str(shop.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(1, events + 1):
            if not process.stdout.readline():
                return False
            if number < events:
                process.stdin.write("\n")
                process.stdin.flush()
        process.send_signal(signal.SIGKILL)
    return True


async def test_killed_at_every_event_every_row_is_taken_once(pg: Any, tmp_path: Path) -> None:
    events = 1
    while True:
        shop = await make_shop(pg, tmp_path / str(events))
        shop.write("1_made", MADE)
        await shop.apply()
        shop.write("2_filled", FILLED)
        killed = interrupted(shop, events)
        assert killed or await shop.apply() == ()
        await shop.apply(turn=20.0)
        await is_filled(shop)
        if not killed:
            break
        events += 1
    assert events > 10


async def test_a_failed_backfill_goes_on_behind_what_it_wrote(shop: Shop) -> None:
    shop.write("1_made", f"{MADE} UPDATE t SET n = 9 WHERE id = 250; ALTER TABLE t ADD CHECK (n < 10);")
    shop.write("2_filled", FILLED)
    with pytest.raises(MigrationFailed, match=r"hint: Before that it wrote 100 rows in 1 batch, which stay"):
        await shop.apply()
    assert (await shop.rows())[-1] == ("2_filled", "failed")
    await shop.run("UPDATE t SET n = 0 WHERE id = 250")
    await shop.resumed("2_filled")
    shop.write("2_filled", FILLED.replace("batch=100", "batch=7"))
    assert await shop.apply() == ("2_filled",)
    await is_filled(shop)


async def test_what_cannot_be_batched_is_refused_before_anything_runs(shop: Shop) -> None:
    shop.write("1_made", MADE)
    shop.write("2_filled", f"{FILLED}-- nexus: batch=10\nINSERT INTO copied SELECT id FROM t LIMIT 5;")
    with pytest.raises(MigrationUnreadable, match=r"2_filled/migration\.sql:8: batch=10: .* its LIMIT"):
        await shop.apply()
    assert await shop.fetch("SELECT tablename FROM pg_tables WHERE tablename IN ('t', 'copied')") == []
