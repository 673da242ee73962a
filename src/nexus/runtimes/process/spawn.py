"""Starting one process of its own session, which outlives us."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from pathlib import Path
from typing import Any

from nexus.runtimes.process.accounts import can_drop, give
from nexus.runtimes.protocol import Account, Launch, StartError

PIPE = 1 << 20  # bytes that wait while the log's disk is slow


def open_log(path: Path, account: Account | None) -> int:
    """A descriptor that appends to the log; the service's user owns the file, so it may reopen it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give(path, account)
    return descriptor


def pipe_to(log: int, account: Account | None) -> int:
    """A descriptor whose bytes a process appends to the log as long as somebody can write them."""
    end, begin = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # a user may have a smaller share of pipes
            fcntl.fcntl(begin, fcntl.F_SETPIPE_SZ, PIPE)
    try:
        subprocess.run(
            ("/bin/sh", "-c", "exec 3<&0; cat <&3 &"),  # nobody's child: it outlives us, too
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            stdin=end,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
            **dropped_to(account),
        )
    except BaseException:
        os.close(begin)
        raise
    finally:
        os.close(end)
    return begin


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Starts the process in a session of its own; output is appended to the log.

    Raises:
        StartError: the program or its folder is missing or may not be executed.
    """
    account = launch.account
    log = output = open_log(launch.log, account)
    try:
        if launch.piped:
            output = pipe_to(log, account)
        return subprocess.Popen(
            launch.argv,
            env=dict(launch.env),
            cwd=launch.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o077,
            pass_fds=[s.fileno() for s in launch.sockets],
            **dropped_to(account),
        )
    except OSError as error:
        raise StartError(
            f"{launch.instance} could not be started: {error.strerror}: {error.filename}; "
            f"check `command` in its manifest"
        ) from error
    finally:
        for descriptor in {log, output}:
            os.close(descriptor)
        for listener in launch.sockets:
            listener.close()


def dropped_to(account: Account | None) -> dict[str, Any]:
    """The user of a process, as `subprocess` wants it; our own where we cannot become another."""
    if account is None or not can_drop():
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}
