"""Where a stack keeps its keys: `HOME/secrets/recovery/identity` (secret), and `kit` (public); and, of one
that was restored on another machine, those that open what was sealed before (`identity.former`, secret).

The folder is its owner's only, and is in no backup: what opens backups never lies beside them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.errors import WrongKey
from nexus.recovery.sealing.keys import Keys, new_identity, recipient_of
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts

FOLDER = "recovery"
IDENTITY, KIT = "identity", "kit"
FORMER = f"{IDENTITY}.former"


@dataclass(frozen=True)
class KitMark:
    """What is kept of a recovery kit: its public half, and when it was made (seconds since the epoch)."""

    recipient: str
    made: float


def folder(home: Home) -> Path:
    """The private folder of the keys."""
    return home.secrets / FOLDER


def load_keys(home: Home) -> Keys:
    """The stack's keys: its own identity, made when there is none yet, the recovery kit's public half, and
    what opens what was sealed before the stack was restored.

    Raises:
        WrongKey: a file of them is not readable as a key, or is lost; says which.
    """
    identity = _identity(home)
    kit = kit_mark(home)
    return Keys((recipient_of(identity), *((kit.recipient,) if kit else ())), identity, _former(home))


def keys_at_hand(home: Home, before: Keys) -> tuple[Keys, str]:
    """As `load_keys`, for what must go on: a kit's file that cannot be read keeps nothing from being sealed
    for the stack's own key, and for the kit that was known `before`. Also says what is wrong with it ("" =
    nothing).

    Raises:
        WrongKey: the stack's own keys cannot be read.
    """
    try:
        return load_keys(home), ""
    except WrongKey as error:
        identity, former = _identity(home), _former(home)
        known = before.recipients[1:] if before.identity == identity else ()
        whom = "the kit that was known before" if known else "the stack's own key alone"
        return Keys((recipient_of(identity), *known), identity, former), f"all is sealed for {whom}: {error}"


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


def keep_former(home: Home, identities: Iterable[str]) -> None:
    """From now on, these secret keys open what is stored, too; nothing is sealed for them. Durable when it
    returns.
    """
    kept = _former(home)
    added = dict.fromkeys(each.strip() for each in identities)
    if added.keys() - set(kept):
        parent = accounts.private_folder(folder(home), None)
        text = "".join(f"{each}\n" for each in dict.fromkeys((*kept, *added)))
        _sync(accounts.private_file(parent / FORMER, text, None))


def _former(home: Home) -> tuple[str, ...]:
    path = folder(home) / FORMER
    if not path.exists():
        return ()
    found = tuple(path.read_text().split())
    try:
        for each in found:
            recipient_of(each)
    except WrongKey as error:
        raise WrongKey(
            f"{path} holds what is no key; put back what it held, or remove it: what was sealed before this "
            "stack was restored can be opened with the recovery kit of then alone"
        ) from error
    return found


def _identity(home: Home) -> str:
    path = folder(home) / IDENTITY
    if not path.exists():
        if (repository := home.root / "backups" / layout.REPOSITORY).exists():
            raise WrongKey(
                f"{path} is not there, but {repository.parent} holds what was sealed for it; put it back, or "
                "the recovery kit's key (AGE-SECRET-KEY-1…) in its stead: another one could open none of that"
            )
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
