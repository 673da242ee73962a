"""A former primary becomes a standby: what it wrote and the new primary does not have is taken back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from nexus.postgres import ServerFailed
from nexus.postgres.programs import Programs, user
from nexus.runtimes.process import accounts
from nexus.runtimes.process.fenced import MARK, fenced
from nexus.standby import fence, settings
from nexus.standby.errors import StandbyError

_BEGINS = re.compile(r"^START WAL LOCATION: .*\(file ([0-9A-F]{24})\)", re.MULTILINE)
_KEPT = "SELECT 1 FROM pg_ls_waldir() WHERE substr(name, 9) = $1"
REWOUND = "it is to follow the new primary; `nexus standby add` goes on"


async def rewind(programs: Programs, url: str, passwords: Path, data: Path) -> None:
    """Brings a stopped former primary to where it parted from the server at `url` (pg_rewind).

    A note beside the folder says that it is under way, since pg_rewind removes the mark of the fence; killed,
    it is begun again.

    Raises:
        StandbyError: it cannot be brought there; it must be copied anew.
    """
    under_way = _note(data)
    if fenced(data) in ("", REWOUND) and not under_way.exists():
        return
    await fence.clear(data)
    accounts.private_file(under_way, "", programs.account)
    (data / fence.SIGNAL).unlink(missing_ok=True)  # it is first started alone, to finish its recovery
    parts = urlsplit(url)
    source = {
        "host": parts.hostname or "localhost",
        "port": str(parts.port or 5432),
        "user": user(parts),
        "dbname": unquote(parts.path.lstrip("/")),
        "application_name": "nexus_rewind",
    }
    told = " ".join(f"{name}={value}" for name, value in source.items())
    command = ("pg_rewind", "-D", str(data), f"--source-server={told}")
    try:
        await programs.run(*command, passwords=passwords)
    except ServerFailed as error:
        said = [
            each for each in str(error).split(" / ") if "FATAL" in each or each.startswith("pg_rewind: error")
        ]
        raise StandbyError(f"{data} cannot be brought back ({'; '.join(said) or error})") from error
    finally:
        fence.mark(data, "it was to be brought back; `nexus standby add` goes on", programs.account)
    await _reachable(url, data)
    fence.mark(data, REWOUND, programs.account)
    under_way.unlink()


async def _reachable(url: str, data: Path) -> None:
    """Whether the WAL from which the folder goes on is still there, here or at the new primary.

    Raises:
        StandbyError: it is not.
    """
    label = data / "backup_label"  # pg_rewind writes it; there is none where nothing had to be taken back
    found = _BEGINS.search(label.read_text(encoding="utf-8")) if label.exists() else None
    if found is None or any(each.name[8:] == found[1][8:] for each in (data / "pg_wal").iterdir()):
        return
    connection = await asyncpg.connect(url, timeout=10)
    try:
        kept = await connection.fetchval(_KEPT, found[1][8:])
    finally:
        await connection.close()
    if not kept:
        raise StandbyError(f"{data} cannot be brought back (the WAL segment {found[1]} is gone)")


def join(data: Path, wanted: Mapping[str, str], programs: Programs) -> None:
    """Has a folder follow the primary when it is started."""
    settings.write(data, wanted, programs.account)
    (data / MARK).unlink(missing_ok=True)


def forget(data: Path) -> None:
    """The folder is gone, and with it what was under way."""
    _note(data).unlink(missing_ok=True)


def _note(data: Path) -> Path:
    return data.with_name(f"{data.name}.rewinding")
