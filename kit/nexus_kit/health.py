"""The three questions an operator asks a module: does it run, can it serve, is its business well."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_kit.database import Database, is_transient
from nexus_kit.events import parking
from nexus_kit.events.relay import Relay
from nexus_kit.logs import log
from nexus_kit.tx import Tx

CACHE_S = 1.0
REDIS_GRACE_S = 2.0
LAG_LIMIT_S = 60.0
# Without Redis a module goes on serving: facts wait in its outbox. Taking it out of rotation would turn an
# outage of the streams into one of the whole business.
WAITABLE = frozenset({"redis", "outbox"})
CONTRACT = re.compile(r"^--\s*nexus:\s*phase\s*=\s*contract\s*$")

_STATE = """
SELECT (SELECT coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8
        FROM (SELECT occurred_at FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT 1) AS o) AS lag,
       (SELECT array_agg(migration_name) FROM _prisma_migrations
        WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL) AS applied
"""

Number = int | float


@dataclass(frozen=True, slots=True)
class BusinessHealth:
    """The module's own numbers; those named in ``bad`` must be 0 for its business to be well."""

    numbers: Mapping[str, Number]
    bad: Sequence[str] = ()


BusinessCheck = Callable[[Tx], Awaitable["Mapping[str, Number] | BusinessHealth"]]


class Health:
    """Answers the questions; readiness is worked out at most once a second."""

    def __init__(
        self,
        database: Database,
        relay: Relay | None,
        migrations: Path | None,
        needs_database: bool,
        contracts: frozenset[str] = frozenset(),
    ) -> None:
        """``migrations``: the folder whose migrations must be applied, but for ``contracts`` (see
        ``expected_migrations``); None: no check.
        """
        self._database = database
        self._relay = relay
        self._expected = expected_migrations(migrations, contracts)
        self._needs_database = needs_database
        self._until = 0.0
        self._checks: dict[str, dict[str, Any]] = {}
        self.draining = False
        self.pending_start: set[str] = set()

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the module can serve, and each check with its reason; see WAITABLE."""
        if time.monotonic() >= self._until:
            self._checks = await self._run_checks()
            self._until = time.monotonic() + CACHE_S
        checks = dict(self._checks)
        if self.draining:
            checks["draining"] = {"ok": False, "detail": "The instance is stopping."}
        for name in self.pending_start:
            checks[name] = {"ok": False, "detail": "Not finished since the start."}
        return all(check["ok"] for name, check in checks.items() if name not in WAITABLE), checks

    async def _run_checks(self) -> dict[str, dict[str, Any]]:
        checks: dict[str, dict[str, Any]] = {}
        if self._needs_database:
            checks |= await self._database_checks()
        if self._relay is not None:
            checks["redis"] = self._redis_check(self._relay)
        return checks

    async def _database_checks(self) -> dict[str, dict[str, Any]]:
        try:
            async with self._database.system(read_only=True) as tx:
                row = await tx.fetchrow(_STATE)
        except Exception as error:  # noqa: BLE001 - the check's answer is the error
            reason = getattr(error, "cause", None) or str(error) or type(error).__name__
            if "_prisma_migrations" in str(reason) or "outbox" in str(reason):
                return {"database": {"ok": True}, "migrations": {"ok": False, "detail": str(reason)}}
            if not is_transient(error):
                log.warning("readiness check failed", extra={"error": str(reason)})
            return {"database": {"ok": False, "detail": str(reason)}}
        missing = sorted(self._expected - set(row["applied"] or ()))
        checks: dict[str, dict[str, Any]] = {
            "database": {"ok": True},
            "migrations": {"ok": not missing, "applied": len(row["applied"] or ())},
        }
        if missing:
            checks["migrations"]["detail"] = f"not applied: {', '.join(missing)}"
        if self._relay is not None:
            late = row["lag"] > LAG_LIMIT_S
            checks["outbox"] = {"ok": not late, "lag_s": round(row["lag"], 3)}
            if late:
                checks["outbox"]["detail"] = f"the oldest event waits {row['lag']:.0f} s for Redis"
        return checks

    def _redis_check(self, relay: Relay) -> dict[str, Any]:
        down = relay.down_since
        if down is None or time.monotonic() - down < REDIS_GRACE_S:
            return {"ok": True}
        return {"ok": False, "detail": relay.trouble or "down", "down_s": round(time.monotonic() - down, 1)}

    async def business(self, checks: Iterable[BusinessCheck]) -> dict[str, Any]:
        """Run the module's own checks; the events put aside count as well. A module without a database has
        no business of its own, so it is well."""
        if not self._needs_database:
            return {"ok": True, "numbers": {}, "must_be_zero": [], "broken": []}
        numbers: dict[str, Number] = {}
        bad: list[str] = []
        async with self._database.system(read_only=True) as tx:
            for check in checks:
                result = await check(tx)
                if isinstance(result, BusinessHealth):
                    numbers |= dict(result.numbers)
                    bad += result.bad
                else:
                    numbers |= dict(result)
            numbers["events_parked"] = await parking.parked(tx)
        bad.append("events_parked")
        broken = [name for name in bad if numbers.get(name)]
        return {"ok": not broken, "numbers": numbers, "must_be_zero": bad, "broken": broken}


def expected_migrations(folder: Path | None, contracts: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the names of the migrations in ``folder`` without which the module cannot serve.

    Those that contract are applied after the release is fully out, so none waits for them: ``contracts`` are
    the ones the platform found, the others declare it in their leading comments.
    """
    if folder is None or not folder.is_dir():
        return frozenset()
    scripts = {entry.name: entry / "migration.sql" for entry in folder.iterdir()}
    return frozenset(
        name
        for name, script in scripts.items()
        if script.is_file() and name not in contracts and not _declares_contract(script)
    )


def _declares_contract(script: Path) -> bool:
    """Whether the comments before the first statement hold ``-- nexus: phase=contract``."""
    with script.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            text = line.strip()
            if text and not text.startswith("--"):
                return False
            if CONTRACT.match(text):
                return True
    return False
