"""What makes a server a standby: settings in `postgresql.auto.conf`, and its signal file (manual, 26.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import Account
from nexus.standby.fence import SIGNAL

NAME = "nexus_standby"  # its role, its slot, and as what it is seen by the primary
OVERRIDES = "postgresql.auto.conf"
RETRY = "200ms"  # between two looks for more WAL, so that a failover does not wait 5 s for the last of it


def following(host: str, port: int, passfile: Path) -> dict[str, str]:
    """The settings of a standby whose primary is at this address; `passfile` holds its password."""
    told = {
        "host": host,
        "port": str(port),
        "user": NAME,
        "passfile": str(passfile),
        "application_name": NAME,
        "connect_timeout": "5",
        "tcp_user_timeout": "20000",
    }
    connection = " ".join(f"{name}='{_escaped(value)}'" for name, value in told.items())
    return {
        "primary_conninfo": connection,
        "primary_slot_name": NAME,
        "recovery_target_timeline": "latest",
        "restore_command": "",
        "hot_standby": "on",
        "hot_standby_feedback": "on",
        "wal_retrieve_retry_interval": RETRY,
        "synchronous_standby_names": "",
    }


def write(data: Path, wanted: Mapping[str, str], account: Account | None) -> None:
    """Has a server that does not run know these settings, and come up as a standby."""
    path = data / OVERRIDES
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in before if line.partition("=")[0].strip() not in wanted]
    lines = [f"{name} = {quoted(value)}" for name, value in wanted.items()]
    accounts.private_file(path, "\n".join([*kept, *lines, ""]), account)
    accounts.private_file(data / SIGNAL, "", account)


def quoted(value: str) -> str:
    """A value as configuration files and ALTER SYSTEM take it."""
    return "'" + value.replace("'", "''") + "'"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
