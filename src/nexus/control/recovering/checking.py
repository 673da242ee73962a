"""Verifying backups, one after the other, each noted with its verdict."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

from nexus.control.recovering.desk import Desk
from nexus.control.recovering.runs import Runs, State
from nexus.migrations.rehearsing.sentence import Say
from nexus.recovery.backups.verdict import Copy, Verdict
from nexus.recovery.backups.verify import verify
from nexus.recovery.errors import Damaged, Missing, WrongKey
from nexus.recovery.repository import Repository


async def verified(
    desk: Desk,
    repository: Repository,
    runs: Runs,
    who: str,
    backups: Sequence[str],
    deep: bool,
    say: Say,
    due: float | None = None,
) -> AsyncIterator[Verdict]:
    """The verdict on each backup, as soon as it is known. `due`: since when the schedule wants it.

    Raises:
        RecoveryError: one cannot be read at all, or there is no room to unpack it.
    """
    known: dict[tuple[str, str], Copy] = {}  # many build on the same one
    for name in backups:
        run = runs.begin("verify", who, due, name)
        state: State = "interrupted"
        sentence, size = "interrupted", 0
        try:
            verdict = await verify(repository, name, deep, say, desk.policy.reserve, known)
            state, size = state_of(verdict), verdict.bytes
            sentence = "; ".join(verdict.said) if not verdict.ok else _how(verdict)
            yield verdict
        except (Damaged, Missing, WrongKey) as error:
            state, sentence = "failed", str(error)
            raise
        except Exception as error:  # which says nothing of the backup
            sentence = str(error)
            raise
        finally:
            runs.end(run, state, sentence, name, size)


def state_of(verdict: Verdict) -> State:
    """As what a verdict is remembered: that a place could not be asked is no damage, and no proof. Pure."""
    if verdict.ok:
        return "done"
    damaged = any(copy.state == "damaged" or copy.overdue for copy in verdict.copies)
    unasked = any(copy.state == "unreachable" for copy in verdict.copies)
    faults = damaged or verdict.faults or verdict.wal.faults or verdict.wal.holes
    return "interrupted" if unasked and not faults else "failed"


def told(verdict: Verdict) -> dict[str, Any]:
    """A verdict as commands print it."""
    return {
        **asdict(verdict),
        "ok": verdict.ok,
        "restorable": verdict.restorable,
        "said": list(verdict.said),
    }


def _how(verdict: Verdict) -> str:
    return "every byte was opened" if verdict.deep else "every file is there and as it was stored"
