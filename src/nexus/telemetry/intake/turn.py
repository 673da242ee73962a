"""One turn of the intake: a fair share of every source, as one batch with its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from nexus.telemetry.intake.source import Source
from nexus.telemetry.records import LOGS

SHARE = 2 << 20  # bytes that one source may give before the next one is asked
LEAST = 64 << 10  # so many it may give, however many others there are
MOST = 6 << 20  # bytes of a turn; a little more when there are more than a hundred sources


@dataclass(frozen=True)
class Batch:
    """Rows of many sources. `lost`: lines that were rotated away before they could be read, by service.
    `full`: there is more to read at once.
    """

    rows: pa.Table
    checkpoints: Mapping[str, str]
    progress: Mapping[str, Mapping[int, int]]
    lost: Mapping[str, int] = field(default_factory=dict)
    full: bool = False


def take_turn(sources: Iterable[Source], share: int = SHARE, most: int = MOST) -> Batch | None:
    """Asks all sources in turn, `share` bytes each or their part of `most`, until all are read or about
    `most` bytes are taken.

    However much one source has, every other one is asked as often. None when nobody had anything.
    """
    asked = list(sources)
    waiting, touched, tables, taken = asked, set[str](), list[pa.Table](), 0
    each = min(share, max(LEAST, most // max(1, len(asked))))
    while waiting and each >= LEAST:
        more = []
        for source in waiting:
            table, used = source.step(each)
            taken += used
            if used:
                touched.add(source.told.key)
            if used > each // 2:  # a trickle is the next turn's: it would keep this one from its end
                more.append(source)
            if table is not None:
                tables.append(table)
        waiting = more
        each = min(share, (most - taken) // max(1, len(waiting)))
    lost: dict[str, int] = {}
    for source in asked:
        count = source.lines.lost()
        if count:
            lost[source.told.service] = lost.get(source.told.service, 0) + count
            touched.add(source.told.key)
    if not touched:
        return None
    moved = [source for source in asked if source.told.key in touched]
    return Batch(
        pa.concat_tables(tables) if tables else LOGS.empty_table(),
        {source.told.key: source.lines.position() for source in moved},
        {source.told.key: source.lines.progress() for source in moved},
        lost,
        bool(waiting),
    )
