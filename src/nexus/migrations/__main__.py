"""`python -m nexus.migrations`: brings all modules' schemas up to date and ends; what its container runs.

Migrations are applied over all modules in the order in which they need each other. It cannot tell which
releases run. So what takes away something that an older one may need, and what declares after-release, is
left with all that comes after it, unless the schema is new; which ones is said.

NEXUS_SCHEMAS     `sales=sales crm=crm:sql`: each module, its schema and the format of its migrations
                  ("prisma" where none is told); they are the folder of its name. Those of the format
                  "command" are left to Nexus, which runs the command as a task of the module's release
NEXUS_SECRETS     the folder of superuser_password, check_password and MODULE-database_password
NEXUS_MIGRATIONS_CONTRACTS     `apply`: nothing is left, since no older release runs
NEXUS_MIGRATIONS_LOCK_TIMEOUT, NEXUS_MIGRATIONS_MAX_BLOCK, NEXUS_MIGRATIONS_PATIENCE,
NEXUS_MIGRATIONS_STATEMENT_TIMEOUT     seconds; `migrations` of nexus.yaml, where it differs from the default
PGHOST, PGPORT, PGUSER, PGDATABASE     the server, its superuser and the database
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import cast, get_args
from urllib.parse import quote

import asyncpg

from nexus.migrations import MigrationError, owner_of, provision
from nexus.migrations.applying import Settings, Told
from nexus.migrations.bring import bring_all, create_database
from nexus.migrations.migration import Format, Source


class BadSetting(Exception):
    """A variable of the environment is not what it must be."""


def sources(schemas: str) -> Iterator[Source]:
    """The modules that NEXUS_SCHEMAS tells. Raises BadSetting."""
    for pair in schemas.split():
        module, _, rest = pair.partition("=")
        schema, _, format = rest.partition(":")
        format = format or "prisma"
        if not module or not schema or format not in get_args(Format):
            raise BadSetting(f"NEXUS_SCHEMAS: {pair!r} is not MODULE=SCHEMA or MODULE=SCHEMA:FORMAT")
        try:
            provision(schema, schema, "")
        except ValueError as error:
            raise BadSetting(f"NEXUS_SCHEMAS: {pair!r}: {error}") from None
        yield Source(module, schema, owner_of(schema), schema, Path(module), cast(Format, format))


def settings(environment: Mapping[str, str]) -> Settings:
    """How careful migrations are applied. Raises BadSetting."""
    found: dict[str, float] = {}
    for name in ("lock_timeout", "max_block", "patience", "statement_timeout"):
        variable = f"NEXUS_MIGRATIONS_{name.upper()}"
        if not (text := environment.get(variable, "")):
            continue
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = math.nan
        if not 0 < found[name] < math.inf:
            raise BadSetting(f"{variable}: {text!r} is not a number of seconds, such as 0.2")
    return Settings(**found)  # type: ignore[arg-type]


async def _all() -> None:
    secrets = Path(_setting("NEXUS_SECRETS"))
    modules = tuple(sources(_setting("NEXUS_SCHEMAS")))
    careful, contracts = settings(os.environ), os.environ.get("NEXUS_MIGRATIONS_CONTRACTS", "")
    if contracts not in ("", "apply"):
        raise BadSetting(f"NEXUS_MIGRATIONS_CONTRACTS: {contracts!r} is not `apply`")
    user, server = _setting("PGUSER"), f"{_setting('PGHOST')}:{_setting('PGPORT')}"
    password = quote(_read(secrets / "superuser_password"), safe="")
    url = f"postgresql://{user}:{password}@{server}/{_setting('PGDATABASE')}"
    own = {each.module: _read(secrets / f"{each.module}-database_password") for each in modules}
    await create_database(url, _read(secrets / "check_password"))
    brought = await bring_all(url, modules, own, _print, careful, contracts == "apply")
    for left in brought.left:
        print(f"{left.module}: {left.migration} is left: {left.why}", flush=True)
    waiting = {each.module for each in brought.left}
    for each in modules:
        print(f"{each.module}: schema {each.schema} {_state(each, waiting)}", flush=True)


def _state(source: Source, waiting: Collection[str]) -> str:
    if source.format == "command":
        return "is left to Nexus, which runs its command"
    if source.module in waiting:
        return (
            "waits with the rest. Once no older release runs: `nexus migrate apply`, or this container with "
            "NEXUS_MIGRATIONS_CONTRACTS=apply"
        )
    return "is up to date"


def _print(told: Told) -> None:
    if told.kind != "statement":
        print(f"{told.module}: {told.migration or 'migrations'}: {told.sentence}", flush=True)


def _setting(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise BadSetting(f"{name} is not set; see `python -m pydoc nexus.migrations.__main__`") from None


def _read(path: Path) -> str:
    return path.read_text().strip()


def main() -> int:
    """Exit code 0 when every schema is up to date, 1 with the reason when one is not, 2 for a bad setting."""
    try:
        asyncio.run(_all())
    except BadSetting as error:
        print(error, file=sys.stderr)
        return 2
    except (MigrationError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        print(f"migrations failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
