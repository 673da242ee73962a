"""Appends log lines to telemetry's store, searches them, and prints ripgrep's times over the same raw lines.

    ./nexus run bench/telemetry_store.py [--lines 10000000] [--batch 20000] [--folder FOLDER]

The lines are access lines of nginx and the gateway and request lines of two modules, as they are after
parsing, with fresh random trace, span, request and order ids. `--same-id` makes request ids equal to trace
ids. The store is made in a temporary folder and removed again; 10 million lines need up to 6 GB there, raw
lines included.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from nexus.telemetry.query import LogQuery, logs
from nexus.telemetry.records import LOGS
from nexus.telemetry.store import Keep, Policy, Store
from nexus.telemetry.store.policy import GIB, MIB
from nexus.telemetry.store.sealing import seal

_RARE = "GRU_timeout"
_SERVICES = 4
_MAKE = """
WITH made AS (
    SELECT i, i % {services} AS kind, (i // {services}) % 3 AS step, uuidv7()::VARCHAR AS order_id,
        random() AS r, replace(uuid()::VARCHAR, '-', '') AS trace, replace(uuid()::VARCHAR, '-', '') AS other,
        substr(replace(uuid()::VARCHAR, '-', ''), 1, 16) AS span
    FROM range({start}, {start} + {count}) AS t(i)
), lined AS (
    SELECT *, CASE WHEN {same} AND kind <> 0 THEN trace ELSE other END AS request,
        CASE step WHEN 0 THEN '/api/sales/orders' WHEN 1 THEN '/api/sales/orders/' || order_id || '/confirm'
            ELSE '/api/financial/pix/simulator/charges/' || replace(uuid()::VARCHAR, '-', '') || '/pay'
            END AS path,
        CASE step WHEN 0 THEN 201 WHEN 1 THEN 200 ELSE 202 END AS status,
        CASE step WHEN 2 THEN 'financial' ELSE 'sales' END AS module
    FROM made
)
SELECT make_timestamptz(1767225600000000 + i * 1500 // 1000 * 1000) AS time,
    make_timestamptz(1767225600500000 + i // 20000 * 30000000) AS observed, 9::TINYINT AS severity,
    CASE kind WHEN 0 THEN 'nginx' WHEN 1 THEN 'gateway' ELSE module END AS service,
    CASE WHEN kind > 1 THEN module || '-' || (1 + i % 2) ELSE '' END AS instance,
    CASE WHEN kind > 1 THEN 'c1de7a005a6f' ELSE '' END AS release,
    CASE WHEN i = {rare} THEN 'carrier {word}' WHEN kind > 1 THEN 'request'
        ELSE 'POST ' || path || ' ' || status END AS body,
    CASE WHEN kind > 0 THEN trace END AS trace_id, CASE WHEN kind > 1 THEN span END AS span_id,
    'POST' AS method, path,
    CASE WHEN kind > 1 THEN CASE step WHEN 0 THEN '/api/sales/orders'
        WHEN 1 THEN '/api/sales/orders/{{id}}/confirm'
        ELSE '/api/financial/pix/simulator/charges/{{txid}}/pay' END END AS route,
    status::SMALLINT AS status, round(10 + 90 * r, 2)::FLOAT AS duration_ms,
    CASE kind
        WHEN 0 THEN '{{"upstream_s":"' || printf('%.3f', 0.01 + r / 10)
            || '","upstream":"127.0.0.1:5001","bytes":' || (900 + (r * 900)::INT)
            || ',"client":"127.0.0.1","agent":"Python/3.11 aiohttp/3.14.5","request_id":'
            || '"' || request || '"}}'
        WHEN 1 THEN '{{"upstream_ms":' || (10 + (r * 90)::INT) || ',"bytes":' || (900 + (r * 900)::INT)
            || ',"client":"127.0.0.1","subject":"9c0b71ce-0987-4e3d-8f5e-47da55833fd7","backend":"' || module
            || '","server":"' || module || '-1","retries":0,"end":"----","request_id":"' || request || '"}}'
        ELSE '{{"client":"127.0.0.1","request_id":"' || request || '"}}' END AS attributes
FROM lined ORDER BY i
"""


class Lines:
    """Makes the lines, and the raw text that a service would have written."""

    def __init__(self, same_id: bool) -> None:
        self._duckdb = duckdb.connect(config={"threads": 2})
        self._same_id = same_id

    def batches(self, total: int, size: int, raw: Path) -> Iterator[pa.Table]:
        """Batches of `size`; their raw lines are added to the file `raw`, as JSON."""
        chunk = max(size, 200_000)
        for start in range(0, total, chunk):
            sql = _MAKE.format(
                services=_SERVICES, start=start, count=min(chunk, total - start), same=self._same_id,
                rare=total // 3, word=_RARE,
            )  # fmt: skip
            table = self._duckdb.execute(sql).to_arrow_table()
            self._duckdb.register("made", table)
            part = raw.with_suffix(".part")
            self._duckdb.execute(f"COPY (FROM made) TO '{part}' (FORMAT json)")
            with part.open("rb") as source, raw.open("ab") as target:
                shutil.copyfileobj(source, target, MIB)
            part.unlink()
            for offset in range(0, table.num_rows, size):
                yield table.slice(offset, size).select(LOGS.names)


def _append(
    store: Store, lines: Lines, arguments: argparse.Namespace, raw: Path
) -> tuple[float, float, dict[str, Any]]:
    """Seconds and processor seconds of appending alone, and one line to ask for."""
    spent = processor = 0.0
    sample: dict[str, Any] = {}
    for number, batch in enumerate(lines.batches(arguments.lines, arguments.batch, raw)):
        if not sample and (number + 1) * arguments.batch * 2 >= arguments.lines:
            ordered = pc.and_(pc.ends_with(batch["path"], "/confirm"), pc.is_valid(batch["span_id"]))
            sample = batch.filter(ordered).slice(0, 1).to_pylist()[0]
        began, used = time.perf_counter(), time.process_time()
        store.append("logs", batch, {"sales-1": str(number), "gateway": str(number)})
        spent += time.perf_counter() - began
        processor += time.process_time() - used
    return spent, processor, sample


def _bytes(store: Store) -> int:
    return int(store.facts()["signals"]["logs"]["bytes"])


def _seal(store: Store) -> float:
    """Compact today's files as if the day were over; seconds."""
    began = time.perf_counter()
    for day in store.days("logs"):
        if not day.sealed:
            print(f"  {''.join(seal(store, day, threading.RLock())) or 'not sealed'}")
    return time.perf_counter() - began


def _best(work: Callable[[], object], times: int = 3) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _peer(raw: Path, *words: str) -> tuple[str, float]:
    tool = shutil.which("rg") or shutil.which("grep") or ""
    command = [tool, "-c", *words, str(raw)]
    return Path(tool).name, _best(lambda: subprocess.run(command, capture_output=True, check=False))


def _search(store: Store, raw: Path, sample: dict[str, Any]) -> None:
    path = sample["path"]
    request = sample["attributes"].split('"request_id":"')[1][:32]
    asked: tuple[tuple[str, LogQuery, tuple[str, ...]], ...] = (
        ("a rare text", LogQuery(text=_RARE), ("-F", _RARE)),
        ("a text that is not there", LogQuery(text="no such text"), ("-F", "no such text")),
        ("a common text", LogQuery(text="/confirm"), ("-F", "/confirm")),
        ("a path with an id", LogQuery(text=path), ("-F", path)),
        ("a part of an id", LogQuery(text=request[4:14]), ("-F", request[4:14])),
        ("a regexp", LogQuery(grep="carrier [A-Z]{3}_"), ("carrier [A-Z]{3}_",)),
        ("a trace id", LogQuery(trace=sample["trace_id"]), ("-F", sample["trace_id"])),
        (
            "--where request_id=",
            LogQuery(where=(("request_id", request),)),
            ("-F", f'"request_id\\":\\"{request}'),
        ),
        ("--where status=202", LogQuery(where=(("status", "202"),)), ("-F", '"status":202')),
        ("the newest 1000 lines", LogQuery(), ()),
    )
    for title, query, words in asked:
        found = len(logs(store, query).rows)
        seconds = _best(lambda query=query: logs(store, query))  # type: ignore[misc]
        peer, raw_seconds = _peer(raw, *words) if words else ("", 0.0)
        beside = f"{peer} {raw_seconds:6.2f} s" if peer else ""
        print(f"  {title:26} {seconds:6.2f} s  {found:5} lines shown   {beside}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--batch", type=int, default=20_000, help="lines of one transaction")
    parser.add_argument("--folder", type=Path, default=None, help="where the temporary folder is made")
    parser.add_argument("--same-id", action="store_true", help="request ids equal trace ids")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nexus-bench-", dir=arguments.folder))
    policy = Policy(reserve=512 * MIB, keep={**Policy().keep, "logs": Keep(timedelta(days=14), 8 * GIB)})
    try:
        store = Store(folder / "store", policy)
        raw = folder / "raw.jsonl"
        spent, processor, sample = _append(store, Lines(arguments.same_id), arguments, raw)
        count = arguments.lines
        print(f"{count:,} lines in batches of {arguments.batch:,}")
        print(
            f"  {count / spent:,.0f} lines/s appended, {processor / count * 1e6:.1f} µs of a processor a line"
        )
        print(
            f"  {_bytes(store) / count:.1f} bytes a line on disk before compaction,"
            f" {raw.stat().st_size / count:.0f} as they were written"
        )
        seconds = _seal(store)
        print(
            f"  {_bytes(store) / count:.1f} bytes a line on disk after compaction, which took {seconds:.0f} s"
        )
        _search(store, raw, sample)
        store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
