"""How the stream is, put together from what its parts know."""

from __future__ import annotations

import os
import time
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
        received_lsn=_text(received),
        flushed_lsn=_text(facts.sender.flushed if facts and facts.sender else None),
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
    if facts.sender is None:
        return "starting"
    return "streaming" if facts.sender.state == "streaming" else "catching up"


def end(held: Holdings, facts: Facts | None, size: int) -> int | None:
    """Up to where WAL is held, on the server's timeline or else the newest; records end at multiples of 8."""
    ends = held.ends(size)
    if not ends:
        return None
    timeline = facts.timeline if facts is not None and facts.timeline in ends else max(ends)
    return -(-ends[timeline] // ALIGNED) * ALIGNED


def received_end(session: Session, home: Home, facts: Facts | None, sealed: int | None) -> int | None:
    """Up to where the WAL is on this machine: received, or sealed."""
    found = [sealed] if sealed is not None else []
    if facts is not None and facts.sender is not None and session.keeping.receiver.runs:
        found.append(facts.sender.written)
    folders = rooms.folders(home, session.depot.system) if session.depot.system else ()
    newest = read_folder(folders[-1]).newest if folders else None
    if newest is not None and newest.size:
        begun = lsn.start(newest.name, newest.size)
        try:
            written_to = written(newest.path) if newest.partial else newest.size
        except FileNotFoundError:  # it became whole just now
            written_to = newest.size
        found.append(begun + -(-written_to // ALIGNED) * ALIGNED)
    return max(found, default=None)


def _text(place: int | None) -> str | None:
    return None if place is None else lsn.text(place)
