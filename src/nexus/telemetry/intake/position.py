"""How far a log file was read, in a form that finds its place again in whatever became of the file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

PRINT = 256  # bytes before the position that must be the same ones


@dataclass(frozen=True)
class Position:
    """`offset` counts from the first byte the file ever had (see `runtimes.process.marks`), `lines` likewise.
    `print_` is a hash of the `before` bytes that precede it. `inside`: in the middle of a line whose
    beginning was kept and whose rest is left out.
    """

    inode: int
    offset: int
    lines: int
    before: int = 0
    print_: str = ""
    inside: bool = False


def fingerprint(text: bytes) -> str:
    """What tells these bytes from others."""
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def to_text(positions: list[Position]) -> str:
    """A checkpoint: the positions in all files of one source."""
    return json.dumps([asdict(position) for position in positions], separators=(",", ":"))


def from_text(text: str) -> list[Position]:
    """What `to_text` wrote; nothing when somebody else wrote it."""
    try:
        return [Position(**each) for each in json.loads(text)]
    except (ValueError, TypeError):
        return []
