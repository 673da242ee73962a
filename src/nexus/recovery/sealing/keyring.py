"""Where a stack keeps its keys: `HOME/secrets/recovery/identity` (secret), and `kit` (public).

The folder is its owner's only, and is in no backup: what opens backups never lies beside them.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from nexus.recovery.errors import WrongKey
from nexus.recovery.sealing.keys import Keys, new_identity, recipient_of
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts

FOLDER = "recovery"
IDENTITY, KIT = "identity", "kit"


@dataclass(frozen=True)
class KitMark:
    """What is kept of a recovery kit: its public half, and when it was made (seconds since the epoch)."""

    recipient: str
    made: float


def folder(home: Home) -> Path:
    """The private folder of the keys."""
    return home.secrets / FOLDER


def load_keys(home: Home) -> Keys:
    """The stack's keys: its own identity, made when there is none yet, and the recovery kit's public half.

    Raises:
        WrongKey: a file of them is not readable as a key; says which.
    """
    identity = _identity(home)
    kit = kit_mark(home)
    return Keys((recipient_of(identity), *((kit.recipient,) if kit else ())), identity)


def kit_mark(home: Home) -> KitMark | None:
    """What is kept of the recovery kit; None when none was made.

    Raises:
        WrongKey: the file is damaged.
    """
    path = folder(home) / KIT
    try:
        return KitMark(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise WrongKey(
            f"{path} cannot be read ({error}); make a new kit with `nexus recovery kit --replace`"
        ) from error


def keep_kit(home: Home, mark: KitMark) -> None:
    """From now on, all is sealed for this kit too; durable when it returns."""
    parent = accounts.private_folder(folder(home), None)
    path = accounts.private_file(parent / KIT, json.dumps(asdict(mark)), None)
    _sync(path)


def _identity(home: Home) -> str:
    path = folder(home) / IDENTITY
    if not path.exists():
        _make(path)
    identity = path.read_text().strip()
    try:
        recipient_of(identity)
    except WrongKey as error:
        raise WrongKey(f"{path} holds no key; put the stack's own back, or the recovery kit's") from error
    return identity


def _make(path: Path) -> None:
    """Makes the identity once, also when two do so at the same time: the first one counts."""
    parent = accounts.private_folder(path.parent, None)
    draft = accounts.private_file(parent / f".{IDENTITY}.{os.getpid()}", new_identity() + "\n", None)
    _sync(draft)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _sync(path)


def _sync(path: Path) -> None:
    """Makes a file and its name durable: without it, nothing sealed from now on could be opened."""
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
