"""An error that no command expected is told in one sentence; its details go to a log."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from nexus.cli import place
from nexus.cli.language import t

LOG = "command"
BAD_INPUT, FAILED = 2, 1


def told(error: Exception) -> int:
    """Prints one sentence on stderr; returns the exit code: 2 on bad input, else 1."""
    from nexus.control.addresses import Refused
    from nexus.runtimes.containers.engine import EngineError
    from nexus.runtimes.home import HomeError
    from nexus.stack import ManifestError

    if isinstance(error, Refused | HomeError | ManifestError | EngineError):
        print(t("nexus: {message}", message=error), file=sys.stderr)
        return BAD_INPUT
    said = (str(error) or type(error).__name__).splitlines()[0]
    message = t("unexpected: {error}; details are in {log}", error=said, log=_note(error))
    print(t("nexus: {message}", message=message), file=sys.stderr)
    return FAILED


def _note(error: Exception) -> Path:
    """Writes the traceback where `nexus logs` finds it, else to a temporary file."""
    from nexus.runtimes.home import Home

    text = f"{time.strftime('%Y-%m-%d %H:%M:%S')} nexus {' '.join(sys.argv[1:])}\n"
    text += "".join(traceback.format_exception(error))
    log = Home.at(place.home_path()).log(LOG)
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        descriptor, name = tempfile.mkstemp(prefix="nexus-", suffix=".log")
        log = Path(name)
    with open(descriptor, "a", encoding="utf-8") as handle:
        handle.write(text)
    return log
