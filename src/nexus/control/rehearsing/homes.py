"""The home of a stack that runs on a copy of the living one's data: its secrets and releases, nothing else.

Its services get other ports, a cache of their own, and no address of the living stack.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from nexus.control.addresses import HIGHEST
from nexus.control.recovering.apart import set_apart
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.scratch import Scratch
from nexus.releases import Catalogue
from nexus.runtimes import ports
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.runtimes.process.drivers.postgres import PASSWORD
from nexus.runtimes.site import EVERYWHERE, LOOPBACK
from nexus.stack import Stack
from nexus.stack.names import OTLP_PORT

# What the copy knows of the living stack: its releases, and which user each service runs as.
KEPT_TABLES = {"releases", "stable", "sets", "accounts", "settings", "sqlite_sequence"}
KEPT_SETTINGS = ("first_uid", "only")
FIRST_OFFSET, LAST_OFFSET, STEP = 20_000, 32_000, 100


def furnish(living: Home, there: Scratch, service: str) -> Home:
    """Makes the home of a stack that runs on the scratch server, which must have been stopped.

    `service`: the database's name in the stack. Blocks while files are copied.

    Raises:
        RehearsalFailed: what the living stack has cannot be copied.
    """
    home = Home.at(there.home)
    home.prepare()
    home.furnish()
    set_apart(home, "a rehearsal")
    _copy_database(living.database, home.database)
    _copy(living.secrets, home.secrets)
    with closing(Catalogue(home.database)) as catalogue:
        stable = catalogue.stable()
        releases = [each for each in catalogue.of() if each.folder is not None]
    wanted = {each.digest for each in releases if stable.get(each.service) == each.id}
    for each in releases:
        if each.digest in wanted or _runs(living, each.service, each.id):
            _copy(living.releases / each.service / each.digest, home.releases / each.service / each.digest)
    if living.parts.is_dir():
        _copy(living.parts, home.parts)
    secret = home.secret(service, PASSWORD)
    accounts.private_folder(secret.parent, there.cluster.account)
    accounts.private_file(secret, there.cluster.password, there.cluster.account)
    return home


def free_offset(stack: Stack, avoid: Collection[int] = ()) -> int:
    """How far ports must be moved so that all of a stack's are free now.

    Raises:
        RehearsalFailed: there is no such offset.
    """
    wanted = [(EVERYWHERE if each.kind == "edge" else LOOPBACK, each.port) for each in stack.services]
    wanted += [(LOOPBACK, OTLP_PORT), (LOOPBACK, OTLP_PORT + 1)]
    highest = max(port for _, port in wanted)
    for offset in range(FIRST_OFFSET, min(LAST_OFFSET, HIGHEST - highest), STEP):
        if offset not in avoid and all(ports.state(host, port + offset) == "free" for host, port in wanted):
            return offset
    raise RehearsalFailed("no ports are free for a stack beside the living one; end what holds them")


def _runs(living: Home, service: str, release: str) -> bool:
    """Whether a release is one that is being let in."""
    with closing(sqlite3.connect(f"file:{living.database}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT value FROM settings WHERE name = 'candidates'").fetchall()
    return any(f'"{service}"' in text and f'"{release}"' in text for (text,) in rows)


def _copy_database(source: Path, target: Path) -> None:
    """The state database without what runs, what is under way, and what was ever told."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as living,
        closing(sqlite3.connect(target)) as copy,
    ):
        living.backup(copy)
        for (trigger,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            copy.execute(f'DROP TRIGGER "{trigger}"')  # the audit trail's; whoever opens it makes them anew
        names = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            if name not in KEPT_TABLES:
                copy.execute(f'DELETE FROM "{name}"')
        marks = ", ".join("?" * len(KEPT_SETTINGS))
        copy.execute(f"DELETE FROM settings WHERE name NOT IN ({marks})", KEPT_SETTINGS)
        copy.commit()
        copy.execute("VACUUM")
    os.chmod(target, 0o600)


def _copy(source: Path, target: Path) -> None:
    """Copies a folder with its owners and rights."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.parent != target.parents[1] and source.parent.exists():
        target.parent.chmod(source.parent.stat().st_mode & 0o777)
    done = subprocess.run(
        ["cp", "-a", f"{source}/.", str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RehearsalFailed(f"{source} cannot be copied: {done.stderr.strip().splitlines()[-1]}")
