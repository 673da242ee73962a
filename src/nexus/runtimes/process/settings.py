"""Having a program read its settings before it is started on them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nexus.runtimes.process.accounts import can_drop
from nexus.runtimes.protocol import Account, StartError
from nexus.stack import Service

LIMIT = 20.0


def try_settings(service: Service, command: tuple[str, ...], account: Account | None) -> None:
    """Runs a program's own check of its settings, as the user that the service runs as.

    Raises:
        StartError: it refuses them; the message holds what it said.
    """
    dropped = account if can_drop() else None
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
            cwd="/",
            user=dropped.uid if dropped else None,
            group=dropped.gid if dropped else None,
            extra_groups=[] if dropped else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(
            f"{service.name}: {Path(command[0]).name} cannot check its settings: {error}"
        ) from error
    if done.returncode:
        said = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise StartError(f"{service.name}: {Path(command[0]).name} refuses its settings: {said}")
