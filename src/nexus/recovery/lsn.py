"""Places in the WAL, as PostgreSQL writes them (manual, 8.20), and the segments that hold them."""

from __future__ import annotations


def parse(text: str) -> int:
    """`16/B374D848` as a number of bytes. Raises ValueError when it is none."""
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no place in the WAL; write one like 16/B374D848")
    return (int(high, 16) << 32) | int(low, 16)


def text(lsn: int) -> str:
    """As PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def segment(timeline: int, lsn: int, size: int) -> str:
    """The name of the segment that holds the byte `lsn`; `size` is that of segments."""
    number, per_id = lsn // size, (1 << 32) // size
    return f"{timeline:08X}{number // per_id:08X}{number % per_id:08X}"


def start(name: str, size: int) -> int:
    """Where a segment begins."""
    return int(name[8:16], 16) * (1 << 32) + int(name[16:24], 16) * size


def timeline(name: str) -> int:
    """Whose segment it is."""
    return int(name[:8], 16)
