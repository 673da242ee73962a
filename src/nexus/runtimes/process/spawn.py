"""Starting one process of its own session, which outlives us."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from nexus.runtimes.process.accounts import can_drop, give
from nexus.runtimes.protocol import Account, Launch, StartError


def open_log(path: Path, account: Account | None) -> int:
    """A descriptor that appends to the log; the service's user owns the file, so it may reopen it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give(path, account)
    return descriptor


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Starts the process in a session of its own; output is appended to the log.

    Raises:
        StartError: the program or its folder is missing or may not be executed.
    """
    account = launch.account if can_drop() else None
    log = open_log(launch.log, account)
    try:
        return subprocess.Popen(
            launch.argv,
            env=dict(launch.env),
            cwd=launch.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
            pass_fds=[s.fileno() for s in launch.sockets],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as error:
        raise StartError(
            f"{launch.instance} could not be started: {error.strerror}: {error.filename}; "
            f"check `command` in its manifest"
        ) from error
    finally:
        os.close(log)
        for listener in launch.sockets:
            listener.close()
