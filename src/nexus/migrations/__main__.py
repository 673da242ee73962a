"""`python -m nexus.migrations`: brings all modules' schemas up to date and ends; what its container runs.

NEXUS_SCHEMAS     `sales=sales crm=crm`: each module and its schema; its migrations are the folder of its name
NEXUS_SECRETS     the folder of superuser_password, check_password and MODULE-database_password
PGHOST, PGPORT, PGUSER, PGDATABASE     the server, its superuser and the database
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import quote

import asyncpg

from nexus.migrations import MigrationError, bring, create_database


async def _all() -> None:
    secrets = Path(os.environ["NEXUS_SECRETS"])
    user, password = os.environ["PGUSER"], quote((secrets / "superuser_password").read_text().strip())
    server = f"{os.environ['PGHOST']}:{os.environ['PGPORT']}"
    url = f"postgresql://{user}:{password}@{server}/{os.environ['PGDATABASE']}"
    await create_database(url, (secrets / "check_password").read_text().strip())
    for pair in os.environ["NEXUS_SCHEMAS"].split():
        module, _, schema = pair.partition("=")
        own = (secrets / f"{module}-database_password").read_text().strip()
        await bring(url, schema, schema, own, Path(module))
        print(f"{module}: schema {schema} is up to date", flush=True)


def main() -> int:
    """Exit code 0 when every schema is up to date, 1 with the reason when one is not, 2 for a bad setting."""
    try:
        asyncio.run(_all())
    except KeyError as error:
        print(f"{error.args[0]} is not set; see `python -m pydoc nexus.migrations.__main__`", file=sys.stderr)
        return 2
    except (MigrationError, asyncpg.PostgresError, OSError) as error:
        print(f"migrations failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
