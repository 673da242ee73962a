"""`nexus backup verify`: reads what is stored in this process, wherever it lies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from nexus.cli import place
from nexus.cli.amounts import size
from nexus.cli.backupread import BAD_INPUT, chosen, desk, notes, print_json, refusing
from nexus.cli.language import t
from nexus.cli.paint import harmless
from nexus.cli.times import lasting

if TYPE_CHECKING:
    from nexus.control.recovering.desk import Desk
    from nexus.control.recovering.runs import Runs
    from nexus.migrations.rehearsing.sentence import Sentence
    from nexus.recovery.backups.verdict import Verdict


def run(names: Sequence[str], every: bool, deep: bool, as_json: bool, due: float | None = None) -> int:
    """Verifies backups and tells the verdicts; returns the exit code: 1 when one is not as it was stored.
    `due`: since when the schedule wants it.
    """
    from nexus.control.recovering.checking import told

    known = desk()
    with notes(known) as found, refusing():
        verdicts = asyncio.run(_verdicts(known, found, names, every, deep, as_json, due))
    if as_json:
        print_json({"ok": all(each.ok for each in verdicts), "backups": [told(each) for each in verdicts]})
    return 0 if all(each.ok for each in verdicts) else 1


async def _verdicts(
    known: Desk,
    found: Runs,
    names: Sequence[str],
    every: bool,
    deep: bool,
    as_json: bool,
    due: float | None,
) -> list[Verdict]:
    from nexus.control.recovering.backups import SCHEDULE
    from nexus.control.recovering.checking import verified
    from nexus.control.recovering.looking import Looker

    def say(sentence: Sentence) -> None:
        if not as_json:
            typer.echo(t(sentence.text, **sentence.values))

    verdicts = []
    async with known.repository() as repository:
        facts = await Looker(known, found).facts(repository)
        if names:
            wanted = [each.id for each in chosen(facts, names)]
        else:
            wanted = [*(each.id for each in facts.all_backups), *facts.unreadable]
            wanted = sorted(wanted) if every else sorted(wanted)[-1:]
        if not wanted:
            raise place.stop(t("there is no backup yet; `nexus backup create` takes one"), BAD_INPUT)
        who = place.user() if due is None else SCHEDULE
        async for verdict in verified(known, repository, found, who, wanted, deep, say, due):
            verdicts.append(verdict)
            if not as_json:
                _show(verdict)
    return verdicts


def _show(verdict: Verdict) -> None:
    state = t("whole") if verdict.ok else t("restorable") if verdict.restorable else t("damaged")
    there = ", ".join(f"{copy.place}: {t(copy.state)}" for copy in verdict.copies)
    text = "{id}: {state} ({places}); WAL up to {until}; {size} read in {time}"
    typer.echo(
        t(
            text,
            id=verdict.backup,
            state=state,
            places=there,
            until=verdict.wal.until,
            size=size(verdict.bytes),
            time=lasting(verdict.seconds),
        )
    )
    if not verdict.ok:
        for line in verdict.said:
            typer.echo(f"  {harmless(line)}", err=True)
