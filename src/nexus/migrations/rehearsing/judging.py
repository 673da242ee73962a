"""What the replayed writes say of the statements that ran meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from nexus.migrations.rehearsing.load import Write
from nexus.migrations.rehearsing.report import Rehearsed
from nexus.migrations.rehearsing.running import Ran

SLOW_MACHINE = 2.0  # times the longest wait before the plan: what a write waits without it
SLOWEST = 2.0  # seconds; no machine is so slow that users would not feel more


@dataclass(frozen=True)
class Verdict:
    """The statements with what was written meanwhile, and a sentence for each thing that may not be.

    `notes`: what is no fault of the plan.
    """

    statements: tuple[Rehearsed, ...]
    failures: tuple[str, ...]
    notes: tuple[str, ...] = ()


def judged(
    ran: Sequence[Ran],
    writes: Sequence[Write],
    began: float,
    max_wait: float,
    known_to_all: Collection[str] = (),
) -> Verdict:
    """`began`: when the plan was begun, on the clock of the writes. `max_wait`: how long a write may wait, in
    seconds, for a migration that does not declare more with `may-block`. `known_to_all`: migrations
    (`module/name`) that every running release has: what they take away, no release needs.
    """
    before = [write for write in writes if write.ended <= began]
    usual = SLOW_MACHINE * max((write.seconds for write in before), default=0.0)
    least = max(max_wait, min(usual, SLOWEST))
    blamed = _blamed(ran, [write for write in writes if write.ended > began])
    known = {(write.table, write.error) for write in before}
    statements, failures, notes = [], [], []
    for each in ran:
        meanwhile = _during(each, writes)
        lost = [
            write
            for write in blamed.get(id(each), ())
            if write.error and (write.table, write.error) not in known
        ]
        if each.step.id in known_to_all:
            freed = [write for write in lost if write.outdated]
            lost = [write for write in lost if not write.outdated]
            notes += [_freed(each, freed)] if freed else []
        allowed = max(least, each.step.may_block or 0.0)
        waits = sorted(write.seconds for write in meanwhile)
        told = Rehearsed(
            module=each.step.source.module,
            migration=each.step.migration.name,
            line=each.statement.line,
            head=each.statement.head,
            seconds=each.seconds,
            attempts=len(each.spans),
            writes=len(waits),
            worst=waits[-1] if waits else 0.0,
            p99=waits[int(0.99 * (len(waits) - 1))] if waits else 0.0,
            failed=len(lost),
            why=lost[0].error if lost else "",
            allowed=allowed,
        )
        statements.append(told)
        failures += list(_failures(told, [w for w in blamed.get(id(each), ()) if w.seconds > allowed], lost))
    anyway = sorted({f"{write.table}: {write.error}" for write in before if write.error})
    notes += [f"writes failed before the plan, too: {each}" for each in anyway]
    return Verdict(tuple(statements), tuple(failures), tuple(notes))


def _freed(ran: Ran, freed: Sequence[Write]) -> str:
    return (
        f"{ran.step.id}:{ran.statement.line} takes away what {len(freed)} replayed writes of "
        f"{freed[0].table} needed ({freed[0].error}); every running release has this migration, and does "
        "without"
    )


def _failures(told: Rehearsed, waited: Sequence[Write], lost: Sequence[Write]) -> Iterator[str]:
    if waited:
        worst = max(waited, key=lambda write: write.seconds)
        yield (
            f"{told.place} makes writers wait: {len(waited)} writes waited longer than {told.allowed:g} s, "
            f"one of {worst.table} {worst.seconds:.1f} s"
        )
    if lost:
        yield f"{told.place} makes writes fail: {len(lost)} of {lost[0].table} did: {lost[0].error}"


def _during(ran: Ran, writes: Sequence[Write]) -> list[Write]:
    return [
        write for write in writes if any(write.due < end and write.ended > begin for begin, end in ran.spans)
    ]


def _blamed(ran: Sequence[Ran], writes: Sequence[Write]) -> dict[int, list[Write]]:
    """Each write under the statement that it spent most of its time with; one that met none, under the last
    that has to do with its table and was over before, or the last of all.
    """
    found: dict[int, list[Write]] = {}
    for write in writes:
        shared = [(_overlap(each, write), number) for number, each in enumerate(ran)]
        most = max(shared, default=(0.0, 0))
        if most[0] > 0:
            found.setdefault(id(ran[most[1]]), []).append(write)
            continue
        over = [each for each in ran if each.spans[0][0] <= write.ended]
        about = [each for each in over if write.table in each.tables] or over
        if about:
            found.setdefault(id(about[-1]), []).append(write)
    return found


def _overlap(ran: Ran, write: Write) -> float:
    spans = ((max(begin, write.due), min(end, write.ended)) for begin, end in ran.spans)
    return sum(max(0.0, end - begin) for begin, end in spans)
