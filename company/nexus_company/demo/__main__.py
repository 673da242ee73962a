"""`nexus up --demo` and `nexus demo`: loads two months of a believable company, the same for the same seed."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from nexus_company.client import ApiError, Client
from nexus_company.demo import customers, ledger, orders, stock
from nexus_company.demo.living import live
from nexus_company.timeline import Timeline, compose

Writer = Callable[[asyncpg.Connection, UUID, Timeline], Awaitable[None]]
WRITERS: dict[str, Writer] = {
    "crm": customers.write,
    "inventory": stock.write,
    "sales": orders.write,
    "financial": ledger.write,
}


def main() -> None:
    """Parses and loads; a second call finds the company there and changes nothing."""
    parser = argparse.ArgumentParser(prog="nexus demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="same seed and day, same company")
    parser.add_argument(
        "--until", type=_moment, default=None, help="end of the history (default: now), e.g. 2026-11-23"
    )
    asked = parser.parse_args()
    until = asked.until or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        asyncio.run(load(Path(os.environ["NEXUS_DATABASE_URLS_DIR"]), until, asked.seed))
    except KeyError as absent:
        print(f"demo: {absent} is not set: start it as `nexus demo` or `nexus up --demo`", file=sys.stderr)
        sys.exit(2)
    except (OSError, asyncpg.PostgresError, ApiError) as error:
        sys.exit(f"demo: the history was not loaded: {error}")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date: write it as 2026-11-23") from None


async def load(secrets: Path, until: datetime, seed: int) -> None:
    """Writes each module's part that is not there yet, one transaction a module."""
    company = UUID(json.loads((secrets / "users" / "bootstrap").read_text())["company"]["id"])
    timeline = compose(until, seed)
    for module, write in WRITERS.items():
        address = secrets / module / "database_url"
        if not address.exists():
            print(f"{module}: off, left out")
            continue
        host, _, port = os.environ["NEXUS_DATABASE_ADDRESS"].rpartition(":")
        connection = await asyncpg.connect(address.read_text().strip(), host=host, port=int(port))
        try:
            if module == "financial":
                await _make_chart_of_accounts()
            async with connection.transaction():
                await connection.execute("SELECT set_config('nexus.company_id', $1, true)", str(company))
                if await _is_there(connection):
                    print(f"{module}: has data, left as it is")
                    continue
                await write(connection, company, timeline)
            await connection.execute("ANALYZE")
            print(f"{module}: loaded")
        finally:
            await connection.close()
    await live(timeline, until)
    done = sum(order.outcome == "done" for order in timeline.orders)
    print(
        f"{len(timeline.customers)} customers, {len(timeline.products)} products, "
        f"{len(timeline.orders)} orders ({done} paid and reconciled) up to {until:%Y-%m-%d %H:%M} UTC"
    )


async def _make_chart_of_accounts() -> None:
    """The module makes a company's chart of accounts when it is first asked for."""
    password = Path(os.environ["NEXUS_ADMIN_PASSWORD_FILE"]).read_text().strip()
    async with Client(os.environ["NEXUS_URL"], os.environ["NEXUS_ADMIN_EMAIL"], password) as client:
        await client.get("/api/financial/accounts?limit=1")


async def _is_there(connection: asyncpg.Connection) -> bool:
    """Whether the module already holds business of this company: then nothing is written over it."""
    for table in ("products", "customers", "orders"):
        if await connection.fetchval("SELECT to_regclass($1)", table) and await connection.fetchval(
            f"SELECT EXISTS (SELECT 1 FROM {table})"
        ):
            return True
    return False


if __name__ == "__main__":
    main()
