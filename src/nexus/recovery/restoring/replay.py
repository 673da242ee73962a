"""A server on restored files that replays the WAL until it is where it should be, and goes on from there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nexus.postgres import Cluster
from nexus.postgres.programs import LAST_LINES
from nexus.recovery import lsn
from nexus.recovery.errors import RecoveryFailed, Unreachable
from nexus.recovery.restoring.choice import Choice
from nexus.runtimes.process import accounts

POLL = 0.05  # seconds
STATUS_LINE = 7  # of postmaster.pid, from PostgreSQL 10 on (src/include/utils/pidfile.h)
SIGNAL = "recovery.signal"
# A server that nobody asks until it is done needs no processes for it.
QUIET = {
    "hot_standby": "off",
    "autovacuum": "off",
    "summarize_wal": "off",
    "max_prepared_transactions": "64",
    "fsync": "off",  # all is brought to the disk at once, at the end
    "log_checkpoints": "off",
}
# What a former life may have left in the settings: all that would connect, archive, wait or recover again.
FORMER = (
    "archive_cleanup_command",
    "archive_command",
    "archive_library",
    "archive_mode",
    "primary_conninfo",
    "primary_slot_name",
    "promote_trigger_file",
    "recovery_end_command",
    "recovery_min_apply_delay",
    "restore_command",
    "synchronous_standby_names",
    "synchronized_standby_slots",
    "sync_replication_slots",
)
_STOPS = re.compile(r"LOG:  (recovery stopping [^\n]*)")
_LAST = re.compile(r"last completed transaction was at log time (\S+ \S+)")
_NO_TARGET = "no recovery target specified"
_TOO_EARLY = "requested recovery stop point is before consistent recovery point"
_TOO_LATE = "recovery ended before configured recovery target was reached"


@dataclass(frozen=True)
class Replayed:
    """What the server said. `at`: when the last transaction that it replayed was committed."""

    at: float | None
    lsn: str
    timeline: int
    said: str


def settings(choice: Choice, command: str) -> Mapping[str, str]:
    """How a server recovers to what was chosen (PostgreSQL manual, 19.5.6), as postgresql.conf writes it."""
    at_once = {"recovery_target": "immediate"} if choice.stop.kind == "consistent" else {}
    return {
        **QUIET,
        "restore_command": quoted(command),
        "recovery_target_timeline": quoted(str(choice.timeline)),
        "recovery_target_action": "promote",
        **at_once,
    }


async def replay(cluster: Cluster, choice: Choice) -> Replayed:
    """Starts a cluster on the restored files, and returns when it is promoted; it is left running.

    Raises:
        Unreachable: the WAL does not lead where it should.
        RecoveryFailed: it ended; its last lines are told.
    """
    accounts.private_file(cluster.data / SIGNAL, "", cluster.account)
    process = await cluster.launch()
    while not _ready(cluster.data):
        if process.returncode is not None:
            raise _failed(cluster, choice)
        await asyncio.sleep(POLL)
    return read_log(cluster.log.read_text(errors="replace"), cluster.data)


def there(replayed: Replayed, choice: Choice) -> Replayed:
    """The same, where all that was chosen is in it. Pure.

    Raises:
        Unreachable: the server ended before the last commit that was to be in it.
    """
    if choice.last is not None and lsn.parse(replayed.lsn) <= choice.last:
        raise Unreachable(
            f"the replay ended at {replayed.lsn}, and the last commit of {choice.lsn} lies at "
            f"{lsn.text(choice.last)}: the WAL between them cannot be used ({replayed.said})"
        )
    return replayed


def read_log(text: str, data: Path) -> Replayed:
    """What a promoted server said, and where its new timeline begins. Pure but for its history file."""
    history = sorted(data.glob("pg_wal/*.history"))[-1]
    _, place, why = history.read_text().strip().splitlines()[-1].split("\t", 2)
    why = "the WAL that was given ends there" if why == _NO_TARGET else why
    stops = [found[1] for found in _STOPS.finditer(text)]
    times = [found[1] for found in _LAST.finditer(text)]
    at = datetime.fromisoformat(times[-1]).timestamp() if times else None
    return Replayed(at, place, int(history.stem, 16), stops[-1] if stops else why)


def hand_over(data: Path, former: Mapping[str, str], cluster: Cluster) -> None:
    """Gives a stopped server's files back the settings they came with, without those of a former life."""
    for name, text in former.items():
        if name == "postgresql.auto.conf":
            text = "\n".join(line for line in text.splitlines() if not _of_a_former_life(line)) + "\n"
        accounts.private_file(data / name, text, cluster.account)
    for name in ("backup_manifest", "backup_label.old", "tablespace_map.old"):
        (data / name).unlink(missing_ok=True)


def quoted(text: str) -> str:
    """A text as postgresql.conf writes it."""
    return "'" + text.replace("'", "''") + "'"


def _of_a_former_life(line: str) -> bool:
    name = line.partition("=")[0].strip()
    return name in FORMER or name.startswith("recovery_target")


def _ready(data: Path) -> bool:
    """Whether the server is past its recovery: it says so in its own file."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"


def _failed(cluster: Cluster, choice: Choice) -> Exception:
    text = cluster.log.read_text(errors="replace")
    if _TOO_EARLY in text:
        return Unreachable(
            f"backup {choice.backup.id} is not consistent before the target; name an earlier one"
        )
    if _TOO_LATE in text:
        return Unreachable("the WAL ended before the target was reached; it may have been removed meanwhile")
    last = [line for line in text.strip().splitlines() if "FATAL" in line or "PANIC" in line] or text.split(
        "\n"
    )
    return RecoveryFailed(f"the server could not recover: {' / '.join(last[-LAST_LINES:])}")
