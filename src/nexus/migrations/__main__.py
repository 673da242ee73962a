"""`python -m nexus.migrations`: brings all modules' schemas up to date and ends; what its container runs.

Migrations are applied over all modules in the order in which they need each other.

NEXUS_SCHEMAS     `sales=sales crm=crm:sql`: each module, its schema and the format of its migrations
                  ("prisma" where none is told); they are the folder of its name. Those of the format
                  "command" are left to Nexus, which runs the command as a task of the module's release
NEXUS_SECRETS     the folder of superuser_password, check_password and MODULE-database_password
PGHOST, PGPORT, PGUSER, PGDATABASE     the server, its superuser and the database
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args
from urllib.parse import quote

import asyncpg

from nexus.migrations import MigrationError, bring_all, create_database, owner_of
from nexus.migrations.applying import Told
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
        yield Source(module, schema, owner_of(schema), schema, Path(module), cast(Format, format))


async def _all() -> None:
    secrets = Path(os.environ["NEXUS_SECRETS"])
    modules = tuple(sources(os.environ["NEXUS_SCHEMAS"]))
    user, password = os.environ["PGUSER"], quote(_read(secrets / "superuser_password"), safe="")
    server = f"{os.environ['PGHOST']}:{os.environ['PGPORT']}"
    url = f"postgresql://{user}:{password}@{server}/{os.environ['PGDATABASE']}"
    own = {each.module: _read(secrets / f"{each.module}-database_password") for each in modules}
    await create_database(url, _read(secrets / "check_password"))
    await bring_all(url, modules, own, _print)
    for each in modules:
        left = "is left to Nexus, which runs its command" if each.format == "command" else "is up to date"
        print(f"{each.module}: schema {each.schema} {left}", flush=True)


def _print(told: Told) -> None:
    if told.kind != "statement":
        print(f"{told.module}: {told.migration or 'migrations'}: {told.sentence}", flush=True)


def _read(path: Path) -> str:
    return path.read_text().strip()


def main() -> int:
    """Exit code 0 when every schema is up to date, 1 with the reason when one is not, 2 for a bad setting."""
    try:
        asyncio.run(_all())
    except KeyError as error:
        print(f"{error.args[0]} is not set; see `python -m pydoc nexus.migrations.__main__`", file=sys.stderr)
        return 2
    except BadSetting as error:
        print(error, file=sys.stderr)
        return 2
    except (MigrationError, asyncpg.PostgresError, OSError) as error:
        print(f"migrations failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
