"""Migrations: 300 on an empty database beside psql and Prisma; twelve changes of a large table under writes.

    .venv/bin/python bench/migrations.py [--only history|changes] [--change TITLE…]
                                         [--rows N] [--rate N] [--prisma PROGRAM]

The server is PostgreSQL from the wheel with fsync on. `--prisma`: a program that runs Prisma Migrate,
`PROGRAM FOLDER URL deploy` (default: $NEXUS_PRISMA_ORACLE); left out where there is none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
from migrating.changes import CHANGES, INSERT, ROWS, TABLE, UPDATE, Change
from migrating.history import write_history
from nexus_kit.testing.servers import PG_BIN, PostgresServer

from nexus.migrations import owner_of, provision
from nexus.migrations.applying import Settings, apply_pending
from nexus.migrations.history.table import ensure_table
from nexus.migrations.migration import Source

SCHEMA, PASSWORD = "app", "app"
COUNT = 300


def main() -> None:
    """Runs what was asked for and prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("history", "changes"))
    parser.add_argument("--change", nargs="*", default=[])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--prisma", default=os.environ.get("NEXUS_PRISMA_ORACLE", ""))
    asked = parser.parse_args()
    with (
        PostgresServer.serving(fsync=True) as server,
        tempfile.TemporaryDirectory(prefix="nexus-bench-") as folder,
    ):
        if asked.only != "changes":
            asyncio.run(history(server, Path(folder), asked.prisma))
        if asked.only != "history":
            chosen = [each for each in CHANGES if not asked.change or each.title in asked.change]
            asyncio.run(changes(server, Path(folder), chosen, asked.rows, asked.rate))


async def make(server: PostgresServer, database: str, template: str = "template1") -> str:
    """Makes a database with the module's schema and roles; returns the superuser's address of it."""
    admin = await asyncpg.connect(server.admin_dsn)
    await admin.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY file_copy")
    await admin.close()
    dsn = server.dsn("postgres", database, server.password)
    connection = await asyncpg.connect(dsn)
    await connection.execute(provision(SCHEMA, SCHEMA, PASSWORD))
    await connection.close()
    return dsn


def source(folder: Path) -> Source:
    """The one module of this bench."""
    return Source(SCHEMA, SCHEMA, owner_of(SCHEMA), SCHEMA, folder)


async def history(server: PostgresServer, folder: Path, prisma: str) -> None:
    """300 migrations on an empty database, three ways; the schemas must be the same."""
    project = folder / "project"
    scripts = write_history(project / "migrations", COUNT)
    (project / "schema.prisma").write_text(
        'datasource db {\n  provider = "postgresql"\n  url = "postgresql://unused"\n}\n'
    )
    dsn = await make(server, "ours")
    began = time.perf_counter()
    applied = await apply_pending(dsn, source(project / "migrations"))
    ours = time.perf_counter() - began
    assert len(applied) == COUNT
    print(f"{COUNT} migrations, Nexus: {ours:.2f} s", flush=True)

    psql_dsn = await make(server, "psql")
    environment = {**os.environ, "PGOPTIONS": f"-c search_path={SCHEMA}"}
    began = time.perf_counter()
    for script in scripts:
        command = [PG_BIN / "psql", psql_dsn, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", script]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    psql = time.perf_counter() - began
    same = dump(dsn) == dump(psql_dsn)
    print(
        f"  one psql process each: {psql:.2f} s, {psql / ours:.1f} × ours; schemas the same: {same}",
        flush=True,
    )
    if not prisma:
        print("  prisma migrate deploy: not run, no program was named (--prisma)")
        return
    prisma_dsn = await make(server, "prisma")
    command = [prisma, str(project), f"{prisma_dsn}?schema={SCHEMA}"]
    subprocess.run([*command, "status"], stdout=subprocess.DEVNULL, check=False)
    began = time.perf_counter()
    subprocess.run([*command, "status"], stdout=subprocess.DEVNULL, check=False)
    start = time.perf_counter() - began
    began = time.perf_counter()
    subprocess.run([*command, "deploy"], stdout=subprocess.DEVNULL, check=True)
    took = time.perf_counter() - began
    same = dump(dsn, record=True) == dump(prisma_dsn, record=True)
    print(
        f"  prisma migrate deploy: {took:.2f} s, {took / ours:.1f} × ours "
        f"(its start, by `status`: {start:.2f} s); schemas and record the same: {same}",
        flush=True,
    )


def dump(dsn: str, record: bool = False) -> str:
    """What `pg_dump --schema-only` says of the module's schema."""
    options = ["--schema-only", "--no-owner", "--no-privileges", "-n", SCHEMA]
    options += [] if record else ["-T", f"{SCHEMA}._prisma_migrations"]
    done = subprocess.run([PG_BIN / "pg_dump", *options, dsn], capture_output=True, text=True, check=True)
    kept = [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return "\n".join(kept)


async def changes(server: PostgresServer, folder: Path, chosen: list[Change], rows: int, rate: float) -> None:
    """Each change under writes, safely and naively; told: the writers' worst wait, failures, and seconds."""
    dsn = await make(server, "base")
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"SET ROLE {owner_of(SCHEMA)}; SET search_path = {SCHEMA}")
    await connection.execute(TABLE)
    await connection.execute(ROWS.format(rows=rows), timeout=None)
    await connection.execute("RESET ROLE")
    await connection.execute("VACUUM ANALYZE")
    await ensure_table(connection, source(folder))  # the table was made before the first migration
    size = await connection.fetchval("SELECT pg_size_pretty(pg_total_relation_size('app.customer'))")
    await connection.close()
    print(f"\n{len(chosen)} changes of a table of {rows:,} rows ({size}) under {rate:g} writes/s")
    print(f"{'':28} {'safe: worst, p99, failed, took':>38}   {'naive: worst, failed, took':>32}")
    for number, change in enumerate(chosen):
        safe = await carried_out(server, folder / f"safe{number}", change, True, rows, rate)
        naive = await carried_out(server, folder / f"naive{number}", change, False, rows, rate)
        worst, p99 = safe["worst"] * 1000, safe["p99"] * 1000
        told = f"{worst:9.0f} ms {p99:6.0f} ms {safe['failed']:7} {safe['took']:6.0f} s"
        beside = f"{naive['worst'] * 1000:12.0f} ms {naive['failed']:7} {naive['took']:6.0f} s"
        print(f"{change.title:28} {told:>38}   {beside:>32}", flush=True)
        for form, found in (("safe", safe), ("naive", naive)):
            for error in found["errors"]:
                print(f"    {form}: {error}", flush=True)


async def carried_out(
    server: PostgresServer, folder: Path, change: Change, safe: bool, rows: int, rate: float
) -> dict[str, float]:
    """Carries a change out on a copy of the table while others write."""
    dsn = await make(server, "work", "base")
    checkpoint = await asyncpg.connect(dsn)
    await checkpoint.execute("CHECKPOINT")
    await checkpoint.close()
    load = subprocess.Popen(
        [sys.executable, "-m", "migrating.load"],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    settings = {
        "dsn": server.dsn(SCHEMA, "work", PASSWORD),
        "rate": rate,
        "rows": rows,
        "update": UPDATE,
        "insert": INSERT,
    }
    tell(load, settings)
    await asyncio.sleep(3)
    began = time.perf_counter()
    if safe:
        await apply_safely(dsn, folder, change, load)
    else:
        await apply_naively(dsn, change, load)
    took = time.perf_counter() - began
    await asyncio.sleep(2)
    out, _ = load.communicate("\n", timeout=300)
    return {**json.loads(out), "took": took}


async def apply_safely(dsn: str, folder: Path, change: Change, load: subprocess.Popen[str]) -> None:
    """One migration after the other, each by the engine."""
    for number, step in enumerate(change.safe, 1):
        if step.update or step.insert:
            tell(load, [step.update or UPDATE, step.insert or INSERT])
            await asyncio.sleep(1)
        place = folder / f"{20260101000000 + number}_step"
        place.mkdir(parents=True)
        (place / "migration.sql").write_text(step.sql + "\n")
        await apply_pending(dsn, source(folder), Settings())


async def apply_naively(dsn: str, change: Change, load: subprocess.Popen[str]) -> None:
    """One script in one transaction with no limits, as `prisma migrate deploy` would; then the new code."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"SET ROLE {owner_of(SCHEMA)}; SET search_path = {SCHEMA}")
    await connection.execute(change.naive, timeout=None)
    await connection.close()
    update, insert = change.naive_code
    if update or insert:
        tell(load, [update or UPDATE, insert or INSERT])


def tell(load: subprocess.Popen[str], what: object) -> None:
    """One more line to the process that writes."""
    assert load.stdin is not None
    load.stdin.write(json.dumps(what) + "\n")
    load.stdin.flush()


if __name__ == "__main__":
    main()
