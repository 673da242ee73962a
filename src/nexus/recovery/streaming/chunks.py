"""How the chunks of a growing segment stay few: small ones are put together as they become many. Pure.

Each byte is sealed again some log2(n) times, and there are never more than `MANY`.
"""

from __future__ import annotations

from collections.abc import Sequence

from nexus.recovery.layout import Chunk

MANY = 24


def to_merge(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The last chunks that are to become one; none while there are few. `chunks` follow each other.

    It begins with the first chunk that is not larger than all after it together, so that sizes fall by half
    or more from one to the next: of those that stay, a segment of 16 MB cannot have more than 24.
    """
    if len(chunks) <= MANY:
        return ()
    after = [0] * (len(chunks) + 1)
    for at in range(len(chunks) - 1, -1, -1):
        after[at] = after[at + 1] + chunks[at].end - chunks[at].start
    for at, chunk in enumerate(chunks[:-1]):
        if chunk.end - chunk.start <= after[at + 1]:
            return tuple(chunks[at:])
    return tuple(chunks[-2:])


def superseded(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """Those whose bytes another one has too: what was put together before a crash could delete them."""
    kept: list[Chunk] = []
    for chunk in sorted(chunks, key=lambda each: (each.start, -each.end)):
        if not kept or chunk.end > kept[-1].end:
            kept.append(chunk)
    return tuple(chunk for chunk in chunks if chunk not in kept)
