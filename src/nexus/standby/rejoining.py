"""A former primary becomes a standby: what it wrote and the new primary does not have is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nexus.postgres import ServerFailed
from nexus.postgres.programs import Programs, user
from nexus.runtimes.process import accounts
from nexus.runtimes.process.fenced import MARK, fenced
from nexus.standby import fence, settings
from nexus.standby.errors import StandbyError

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
    fence.mark(data, REWOUND, programs.account)
    under_way.unlink()


def join(data: Path, wanted: Mapping[str, str], programs: Programs) -> None:
    """Has a folder follow the primary when it is started."""
    settings.write(data, wanted, programs.account)
    (data / MARK).unlink(missing_ok=True)


def forget(data: Path) -> None:
    """The folder is gone, and with it what was under way."""
    _note(data).unlink(missing_ok=True)


def _note(data: Path) -> Path:
    return data.with_name(f"{data.name}.rewinding")
