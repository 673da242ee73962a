"""What a key may look like: safe as a path on every file system and as a name in S3 (at most 1024 bytes)."""

from __future__ import annotations

import re

from nexus.recovery.errors import PlaceError

LONGEST_KEY, LONGEST_NAME = 900, 200  # bytes
_NAME = re.compile(r"^(?!\.)[^/\\\x00-\x1f\x7f]+$")


def checked(key: str) -> str:
    """The key itself.

    Raises:
        PlaceError: it is empty, too long, leads elsewhere (`..`, `/` at the begin) or begins a name with a
            dot, as what is not yet whole does.
    """
    names = key.split("/")
    fits = len(key.encode()) <= LONGEST_KEY and all(len(name.encode()) <= LONGEST_NAME for name in names)
    if not fits or not all(_NAME.match(name) for name in names):
        raise PlaceError(
            f"{key[:LONGEST_NAME]!r} is no key for a place: names parted by /, none beginning with a dot, "
            f"each of {LONGEST_NAME} bytes at most"
        )
    return key


def folder_of(prefix: str) -> str:
    """The folder that holds all keys with a prefix; empty: the whole place. Raises as `checked`."""
    folder, parted, rest = prefix.rpartition("/")
    for part in (folder, rest):
        if part:
            checked(part)
    if parted and not folder:
        raise PlaceError(f"{prefix!r} is no prefix of keys: it begins with /")
    return folder


def draft_name(name: str, identity: str) -> str:
    """Under what name a file is written until it is whole. Same content, same `identity`: who goes on with
    it writes the same bytes.
    """
    return f".{name}.{identity}.part"


def is_draft(name: str) -> bool:
    """Whether something is not whole yet."""
    return name.startswith(".") and name.endswith(".part")
