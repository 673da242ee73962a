"""Each line is stored once, also by collectors that are killed under load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nexus.telemetry.query import sql
from nexus.telemetry.store import Store

LIVES = 20


def test_twenty_kills_under_load_and_rotation_neither_lose_nor_double_a_line(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("lives.py")), str(tmp_path), str(LIVES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    written = int(done.stdout)
    store = Store(tmp_path / "store", read_only=True)
    try:
        numbers = "CAST(regexp_extract(attributes, '\"number\":([0-9]+)', 1) AS BIGINT)"
        answer = sql(store, f"SELECT count(*), count(DISTINCT {numbers}), max({numbers}) FROM logs", 1, 20)
        drops = store.facts()["drops"]
    finally:
        store.close()
    assert list(answer.rows[0]) == [written, written, written - 1]
    assert not drops
    assert (tmp_path / "till.log.1").exists(), "the log was rotated meanwhile"
