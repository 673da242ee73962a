"""As root, each service runs as a user of its own, so that none reads another's secrets."""

from __future__ import annotations

import os
import pwd
import zlib
from pathlib import Path

from nexus.runtimes.protocol import Account

LOWEST_UID, SLICE, SLICES = 61_000, 64, 70  # 61000-65479; each stack picks a slice by its home's path


def can_drop() -> bool:
    """Whether we may start processes as other users."""
    return os.geteuid() == 0


def first_uid(home: Path) -> int:
    """The first user of the stack in `home`: two stacks on one machine hardly ever share their users."""
    return LOWEST_UID + zlib.crc32(os.fsencode(home)) % SLICES * SLICE


def numbered(first: int, index: int) -> Account:
    """The user number `index` of a stack: a bare number, with no entry in the system's user list."""
    return Account(first + index % SLICE, first + index % SLICE)


def named(*names: str) -> Account:
    """The first of these users that the system knows.

    Raises:
        LookupError: none exists.
    """
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise LookupError(f"none of the users {', '.join(names)} exists on this machine")


def give(path: Path, account: Account | None) -> None:
    """Makes a file or folder the account's own."""
    if account is not None and can_drop():
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def give_tree(path: Path, account: Account | None) -> None:
    """Makes a folder and all in it the account's own, when its top is not already."""
    if account is None or not can_drop() or path.stat().st_uid == account.uid:
        return
    for folder, _, files in os.walk(path):
        for name in files:
            give(Path(folder, name), account)
        give(Path(folder), account)


def private_folder(path: Path, account: Account | None) -> Path:
    """A folder that only the account can enter."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    give_tree(path, account)
    return path


def private_file(path: Path, text: str, account: Account | None) -> Path:
    """Writes a file that only the account can read; readers see the old or the new text, never half."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
    give(draft, account)
    draft.replace(path)
    return path
