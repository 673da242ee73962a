"""How the stream is, put together from what its parts know."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nexus.recovery import lsn
from nexus.recovery.streaming import rooms
from nexus.recovery.streaming.coverage import ALIGNED
from nexus.recovery.streaming.guards import slot_status, slot_trouble
from nexus.recovery.streaming.holdings import Holdings
from nexus.recovery.streaming.received import read_folder, written
from nexus.recovery.streaming.server import Facts
from nexus.recovery.streaming.status import State, StreamStatus
from nexus.runtimes.home import Home

if TYPE_CHECKING:
    from nexus.recovery.streaming.session import Session

PACE_OVER = 60.0  # seconds
Line = Sequence[tuple[int, int]]


def status(session: Session, home: Home, state: State | None = None) -> StreamStatus:
    """How it is now; `state` where it is another one than the session's."""
    now, facts, standing = time.monotonic(), session.facts, session.standing
    known = session.watch.facts
    sealed = session.sealed
    received = received_end(session, home, facts, sealed)
    ended = known.lsn if known is not None and not known.recovering else None
    slot = slot_status(facts, standing.samples.pace(PACE_OVER)) if facts and not facts.recovering else None
    told = slot_trouble(slot) if slot is not None and session.policy.stream else None
    standing.troubles.say("slot", told, left=slot.lost_in if slot else None)
    places = tuple(
        each.lag(sealed, standing.samples.missing(each.covered, now)) for each in session.depot.mirrors
    )
    for each in places:
        standing.troubles.say("place", each.error or None, each.name)
    standing.troubles.keep("place", {each.name for each in places})
    return StreamStatus(
        at=time.time(),
        heard=now,
        pid=os.getpid(),
        state=state or state_of(session, facts),
        system=session.depot.system,
        timeline=known.timeline if known else 0,
        segment=session.segment,
        server_lsn=_text(ended),
        server_at=known.now if known is not None and ended is not None else None,
        received_lsn=_text(received),
        flushed_lsn=_text(session.sender.flushed if session.sender else None),
        sealed_lsn=_text(sealed),
        lag_bytes=None if ended is None or received is None else max(0, ended - received),
        lag_seconds=standing.samples.missing(received, now),
        places=places,
        synchronous=session.policy.synchronous,
        commits_wait=session.synchrony.waiting,
        slot=slot,
        free=session.disk.free,
        reserve=session.policy.reserve,
        full_in=session.disk.full_in(),
        gap=standing.gap,
        troubles=standing.troubles.present,
    )


def state_of(session: Session, facts: Facts | None) -> State:
    """In one word."""
    if not session.policy.stream:
        return "off"
    if session.standing.troubles.has("refused"):
        return "refused"
    if session.disk.low:
        return "paused"
    if facts is None or not session.keeping.receiver.runs:
        return "away" if session.standing.troubles.has("away") else "starting"
    if session.sender is None:
        return "starting"
    return "streaming" if session.sender.state == "streaming" else "catching up"


def end(held: Holdings, facts: Facts | None, line: Line, size: int) -> int | None:
    """Up to where WAL is held: of the server's own timeline, or else of the one that it left last; nothing
    counts that is after that. Of the newest one, where the server is not known. Records end at multiples of
    8.
    """
    ends = held.ends(size)
    if facts is None or facts.recovering:
        return _aligned(ends[max(ends)]) if ends else None
    return _along(ends, facts.timeline, line)


def received_end(session: Session, home: Home, facts: Facts | None, sealed: int | None) -> int | None:
    """Up to where the WAL is on this machine: received, or sealed."""
    found = [sealed] if sealed is not None else []
    if session.sender is not None:
        found.append(session.sender.written)
    folders = rooms.folders(home, session.depot.system) if session.depot.system else ()
    newest = read_folder(folders[-1]).newest if folders else None
    if newest is not None and newest.size:
        begun = lsn.start(newest.name, newest.size)
        try:
            written_to = written(newest.path) if newest.partial else newest.size
        except FileNotFoundError:  # it became whole just now
            written_to = newest.size
        known, ends = session.watch.facts, {lsn.timeline(newest.name): begun + written_to}
        reached: int | None = begun + written_to
        if known is not None and not known.recovering:
            reached = _along(ends, known.timeline, session.keeping.line)
        if written_to and reached is not None:
            found.append(_aligned(reached))
    return max(found, default=None)


def _along(ends: Mapping[int, int], timeline: int, line: Line) -> int | None:
    """The end on the line of a server's timelines; None where nothing of them is held, as far as is known."""
    if timeline in ends:
        return _aligned(ends[timeline])
    if not line or line[-1][0] != timeline:
        return None
    for each, left in reversed(line[:-1]):
        if each in ends:
            return min(_aligned(ends[each]), left)
    return None


def _aligned(place: int) -> int:
    return -(-place // ALIGNED) * ALIGNED


def _text(place: int | None) -> str | None:
    return None if place is None else lsn.text(place)
