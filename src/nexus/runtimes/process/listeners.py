"""Sharing a listener with the process that has it: what connects meanwhile is lost by nobody."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)


def borrowed(pid: int, port: int) -> socket.socket | None:
    """The TCP listener on `port` that a process has, as one of ours; None where the system does not allow it.

    See pidfd_getfd(2): Linux 5.6 with glibc 2.36, for our own processes or as root.
    """
    if not hasattr(os, "pidfd_open") or not hasattr(LIBC, "pidfd_getfd"):
        return None
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            found = _listener(process, int(entry.name), port)
            if found is not None:
                return found
    except OSError:
        return None
    finally:
        os.close(process)
    return None


def _listener(process: int, number: int, port: int) -> socket.socket | None:
    descriptor = LIBC.pidfd_getfd(process, number, 0)
    if descriptor < 0:
        return None
    try:
        found = socket.socket(fileno=descriptor)
    except OSError:  # no socket
        os.close(descriptor)
        return None
    with contextlib.suppress(OSError):
        listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if listens and found.family == socket.AF_INET and found.getsockname()[1] == port:
            return found
    found.close()
    return None
