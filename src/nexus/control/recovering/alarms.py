"""What is wrong with a stack's recovery: each under a name that stays, for alerts to be hung on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from nexus.control.recovering.amounts import DAY, HOUR, roughly, size
from nexus.control.recovering.facts import RecoveryFacts
from nexus.control.recovering.runs import SCENARIO
from nexus.control.recovering.timetable import last
from nexus.migrations.rehearsing.sentence import Sentence

Level = Literal["error", "warning"]
OVERDUE = HOUR  # after a backup was due
SOON = 3 * DAY  # in which the disk will be full
JUDGED = ("done", "failed")  # what was cut short says nothing
STANDBY_BEHIND = 16 << 20  # bytes of WAL; one that is farther behind does not take over by itself
STANDBY_UNSEEN = 30.0  # seconds
PROOF_OVERDUE = 12 * HOUR  # after a drill or a verification was due


@dataclass(frozen=True)
class Alarm:
    """`name` never changes; `sentence` says what is wrong and how to mend it. An error breaks a promise.

    `logged`: whether the stream says it in the log already, under the same name. `about`: which place or
    backup, where several of one name can stand at once.
    """

    name: str
    level: Level
    sentence: Sentence
    logged: bool = False
    about: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As commands print it."""
        told = {"name": self.name, "level": self.level, "about": self.about}
        return {**told, "sentence": str(self.sentence)}


def alarms(
    facts: RecoveryFacts, database: float | None, machine: float | None, rto: float | None
) -> tuple[Alarm, ...]:
    """All that is wrong, errors first. `database`, `machine`: seconds of data that their loss would cost;
    `rto`: seconds of standstill. Pure.
    """
    found = [
        *_objectives(facts, database, machine, rto),
        *_backups(facts),
        *_stream(facts),
        *_places(facts),
        *_space(facts),
        *_proof(facts),
        *_standby(facts),
    ]
    return tuple(sorted(found, key=lambda each: each.level))


def _error(name: str, text: str, about: str = "", **values: object) -> Alarm:
    return Alarm(name, "error", Sentence(text, **values), about=about)


def _warning(name: str, text: str, about: str = "", **values: object) -> Alarm:
    return Alarm(name, "warning", Sentence(text, **values), about=about)


def _objectives(
    facts: RecoveryFacts, database: float | None, machine: float | None, rto: float | None
) -> Iterator[Alarm]:
    policy = facts.policy
    if database is None and facts.backups:
        text = "no backup is whole and of a known age; take one with `nexus backup create --full`"
        yield _error("recovery.no-backup", text)
        return
    if database is None:
        yield _error("recovery.no-backup", "there is no backup; take one with `nexus backup create`")
        return
    if all(place.same_disk for place in facts.others):
        text = "nothing outlives this machine: name a place elsewhere under recovery.places in nexus.yaml"
        yield _error("recovery.no-place", text)
    elif machine is None and facts.kit is not None:
        text = "no place beside this machine has a whole backup that the recovery kit opens yet"
        yield _error("recovery.nothing-elsewhere", text)
    loss = max(database, machine or 0.0)
    if loss > policy.rpo:
        text = "a disaster would cost {loss} of data; {promised} are promised"
        yield _error("recovery.rpo", text, loss=roughly(loss), promised=roughly(policy.rpo))
    if rto is not None and rto > policy.rto:
        text = "a disaster would stop everything for {rto}; {promised} are promised"
        yield _error("recovery.rto", text, rto=roughly(rto), promised=roughly(policy.rto))


def _backups(facts: RecoveryFacts) -> Iterator[Alarm]:
    failed = facts.last("full", "incremental")
    if failed is not None and failed.state == "failed":
        yield _error("recovery.backup-failed", "the last backup failed: {why}", why=failed.sentence)
    for name, why in facts.unreadable.items():
        text = "backup {id} cannot be read: {why}"
        yield _error("recovery.backup-unreadable", text, about=name, id=name, why=why)
    if facts.backups and facts.backups[-1] not in facts.dated:
        text = (
            "the newest backup, {id}, is {time} ahead of this machine's clock, which was or is wrong: its "
            "age is not known, and a new one is due; set the clock right"
        )
        later = roughly(facts.backups[-1].began - facts.now)
        yield _error("recovery.clock", text, id=facts.backups[-1].id, time=later)
    newest = max((each.began for each in facts.dated), default=None)
    for rule in (facts.policy.schedule.full, facts.policy.schedule.incremental):
        due = last(rule, facts.policy.schedule.zone, datetime.fromtimestamp(facts.now - OVERDUE, UTC))
        if newest is not None and due is not None and newest < due.timestamp() - OVERDUE:
            text = "a backup has been due for {time}; the newest is {age} old"
            late, age = roughly(facts.now - due.timestamp()), roughly(facts.now - newest)
            yield _error("recovery.backup-overdue", text, time=late, age=age)
            return


def _stream(facts: RecoveryFacts) -> Iterator[Alarm]:
    stream = facts.stream
    if not facts.policy.stream:
        return
    if stream is not None and stream.state == "ended" and not facts.serving:
        return  # the stack is down, and nothing is committed
    if stream is None or not stream.alive:
        text = "what is committed is not streamed away: the archive does not run; start it with `nexus up`"
        yield _error("recovery.stream", text)
        return
    if facts.gap:
        text = "the stream has a gap ({why}); `nexus backup create --full` closes it"
        yield _error("recovery.gap", text, why=facts.gap)
    for trouble in stream.troubles:
        if trouble.kind != "gap":
            said = Sentence("{why}", why=trouble.text)
            yield Alarm(f"recovery.{trouble.kind}", "error", said, logged=True, about=trouble.about)


def _places(facts: RecoveryFacts) -> Iterator[Alarm]:
    told = {each.about for each in facts.stream.troubles if each.kind == "place"} if facts.stream else set()
    for place in facts.places:
        if place.same_disk:
            text = "place {place} lies on this stack's own disk, and is lost with it"
            yield _warning("recovery.same-disk", text, about=place.name, place=place.name)
        if place.trouble and place.name not in told:
            text = "{place}: {why}"
            yield _error("recovery.place", text, about=place.name, place=place.name, why=place.trouble)


def _space(facts: RecoveryFacts) -> Iterator[Alarm]:
    if facts.disk_free is None:
        return
    room = facts.disk_free - facts.policy.reserve
    if room <= 0:
        text = (
            "backups have no room on this machine: {free} are free, {reserve} are reserved; make room, or "
            "keep fewer (recovery.keep)"
        )
        yield _error("recovery.space", text, free=size(facts.disk_free), reserve=size(facts.policy.reserve))
    elif facts.growth and room / facts.growth * DAY < SOON:
        text = "backups use up this machine's disk in {time}; make room, or keep fewer (recovery.keep)"
        yield _error("recovery.space", text, time=roughly(room / facts.growth * DAY))


def _proof(facts: RecoveryFacts) -> Iterator[Alarm]:
    if facts.kit is None:
        text = (
            "there is no recovery kit: if this machine is lost, nothing opens its backups; `nexus recovery "
            "kit` makes one to print"
        )
        yield _error("recovery.no-kit", text)
    for checked in facts.damaged:
        text = "backup {id} is damaged: {why}"
        yield _error("recovery.damaged", text, about=checked.backup, id=checked.backup, why=checked.sentence)
    yield from _verified(facts)
    yield from _drilled(facts)
    yield from _mended(facts)


def _verified(facts: RecoveryFacts) -> Iterator[Alarm]:
    due = last(facts.policy.schedule.verify, facts.policy.schedule.zone, _before(facts, PROOF_OVERDUE))
    oldest = min((each.ended for each in facts.backups), default=facts.now)
    checked = facts.last("verify", state=JUDGED)
    since = oldest if checked is None else min(checked.began, facts.now)
    if due is not None and since < due.timestamp():
        text = "no backup was verified for {age}; `nexus backup verify` does, and says what keeps it from it"
        yield _warning("recovery.verify", text, age=roughly(facts.now - since))


def _drilled(facts: RecoveryFacts) -> Iterator[Alarm]:
    drill = facts.last("drill", state=JUDGED)
    if drill is None:
        yield _warning("recovery.drill", "no restore was ever proven by a drill")
        return
    if drill.state == "failed":
        yield _error("recovery.drill", "the last drill failed: {why}", why=drill.sentence)
        return
    due = last(facts.policy.schedule.drill, facts.policy.schedule.zone, _before(facts, PROOF_OVERDUE))
    if due is not None and drill.began < due.timestamp():
        text = "the last drill was {age} ago; one has been due for {time}"
        late = roughly(facts.now - due.timestamp())
        yield _error("recovery.drill", text, age=roughly(facts.now - drill.began), time=late)


def _mended(facts: RecoveryFacts) -> Iterator[Alarm]:
    """Each disaster by itself: that one was mended says nothing of another, nor of the nightly drill."""
    for what in sorted({run.what for run in facts.runs if run.what.startswith(SCENARIO)}):
        drill = facts.last(what, state=JUDGED)
        if drill is not None and drill.state == "failed":
            text, name = "the last drill of {scenario} failed: {why}", what.removeprefix(SCENARIO)
            yield _error("recovery.drill", text, about=name, scenario=name, why=drill.sentence)


def _standby(facts: RecoveryFacts) -> Iterator[Alarm]:
    """A standby that was asked for and does not keep what it promises."""
    if facts.standby is None or facts.standby["moving"]:
        return
    told, last = facts.standby["standby"], facts.standby["last"]
    if told is None:
        if last is not None and last.get("kind") == "failover" and (facts.standby["former"] or _left(facts)):
            text = "there is no standby since it took over; `nexus standby add` makes one"
            yield _warning("standby.lost", text)
        return
    stream = told["stream"]
    if stream is None or told["seen_s"] is None:
        return  # it was not looked at yet
    if stream["slot"] == "lost":
        text = "the standby's WAL is gone from the primary; `nexus standby remove`, then `nexus standby add`"
        yield _error("standby.slot", text)
    elif not stream["streams"] or told["seen_s"] > STANDBY_UNSEEN:
        yield _error("standby.lost", "the standby does not follow the primary; see `nexus standby status`")
    elif stream["behind"] > STANDBY_BEHIND:
        yield _warning(
            "standby.behind", "the standby is {bytes} behind the primary", bytes=size(stream["behind"])
        )
    if told["synchronous"] and not told["waited_for"]:
        text = (
            "commits do not wait for the standby, as they are to: a takeover may lose what was acknowledged"
        )
        yield _error("standby.asynchronous", text)


def _left(facts: RecoveryFacts) -> bool:
    return bool(facts.standby and facts.standby.get("left"))


def _before(facts: RecoveryFacts, seconds: float) -> datetime:
    return datetime.fromtimestamp(facts.now - seconds, UTC)
