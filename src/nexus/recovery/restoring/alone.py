"""SQL on a data folder whose server is down: no network, no password (manual, postgres --single)."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

from nexus.migrations.quoting import literal
from nexus.postgres import programs
from nexus.postgres.programs import Programs
from nexus.recovery.errors import RecoveryFailed
from nexus.runtimes.process.drivers.postgres import binaries

BOOTSTRAP = 10  # the oid of the superuser that initdb made (src/include/catalog/pg_authid.dat)
_FOUND = re.compile(r'^\s*\d+: rolname = "(.*)"\s+\(', re.MULTILINE)
# The text of a statement may be a password: it is not logged, whatever happens.
_SILENT = ("log_min_error_statement=panic", "log_statement=none", "log_min_duration_statement=-1")


async def take_over(tools: Programs, data: Path, password: str) -> str:
    """Sets the password of the superuser that a cluster was made with; returns his name.

    Raises:
        RecoveryFailed: the server does not start alone, or refuses.
    """
    who = f"SELECT rolname FROM pg_roles WHERE oid = {BOOTSTRAP}"
    said = await run_alone(tools, data, who, f"ALTER ROLE CURRENT_USER PASSWORD {literal(password)}")
    found = _FOUND.search(said)
    if found is None:
        raise RecoveryFailed(f"{data}: PostgreSQL does not tell its superuser: {said.strip()[-300:]}")
    return found[1]


async def run_alone(tools: Programs, data: Path, *statements: str, database: str = "postgres") -> str:
    """Runs statements, each on one line, as the superuser; returns what was printed.

    Raises:
        RecoveryFailed: a statement failed, or the server did not start.
    """
    text = "".join(statement.replace("\n", " ") + "\n" for statement in statements)
    options = tuple(part for each in _SILENT for part in ("-c", each))
    command = (str(binaries() / "postgres"), "--single", "-D", str(data), *options, database)
    env, together = programs.environment(), {"stderr": asyncio.subprocess.STDOUT}
    child = await programs.started(command, tools.account, tools.folder, env, True, **together)
    try:
        said = (await child.communicate(text.encode()))[0].decode("utf-8", "replace")
    except asyncio.CancelledError:
        await programs.end(child, signal.SIGTERM)
        raise
    if child.returncode:
        last = " / ".join(said.strip().splitlines()[-programs.LAST_LINES :])
        raise RecoveryFailed(f"{data}: PostgreSQL did not run alone: {last}")
    faults = [line for line in said.splitlines() if re.search(r"\b(ERROR|FATAL|PANIC):", line)]
    if faults:
        raise RecoveryFailed(f"{data}: {faults[0]}")
    return said
