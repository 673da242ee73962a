"""`nexus migrate rehearse`."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.migrating.desk import Desk
    from nexus.migrations.rehearsing.rehearse import Options
    from nexus.migrations.rehearsing.report import Report
    from nexus.migrations.rehearsing.sentence import Sentence

HIGHEST_RATE = 100
To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="MODULE=NAME", help="Of a module, no further than this migration."),
]
Rate = Annotated[float, typer.Option("--rate", help="Replay this many times the writes that are measured.")]
MaxRate = Annotated[
    str, typer.Option("--max-rate", metavar="RATE", help="Copy no more than this a second, such as 50M.")
]
NoSmoke = Annotated[bool, typer.Option("--no-smoke", help="Do not start the running releases on the copy.")]
FromBackup = Annotated[
    bool, typer.Option("--from-backup", help="Restore the copy from the latest backup; spare the living one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def rehearse(
    to: To = None,
    rate: Rate = 1.0,
    max_rate: MaxRate = "100M",
    no_smoke: NoSmoke = False,
    from_backup: FromBackup = False,
    as_json: Json = False,
) -> None:
    """Apply what is pending to a copy of the data, under the writes that users make; keep the report.

    Exit code 1 when the plan must not be applied as it is.
    """
    from nexus.business import InvariantError
    from nexus.cli.migrateplace import desk, pairs, print_json
    from nexus.migrations.rehearsing.errors import RehearsalFailed
    from nexus.migrations.rehearsing.rehearse import Options
    from nexus.migrations.rehearsing.rendering import as_text

    if not 0 < rate <= HIGHEST_RATE:  # NaN is neither
        said = "--rate {rate:g} cannot be replayed; write a number above 0, at most {most}"
        raise place.stop(t(said, rate=rate, most=HIGHEST_RATE), 2)
    if max_rate and not re.fullmatch(r"\d+[kM]?", max_rate):
        raise place.stop(t("--max-rate {said!r} is no rate; write it like 50M", said=max_rate), 2)
    wanted = pairs(to or [])
    with desk() as known:
        try:
            report = asyncio.run(
                _rehearsed(known, wanted, Options(rate=rate, max_rate=max_rate), not no_smoke, from_backup)
            )
        except (RehearsalFailed, InvariantError) as error:
            raise place.stop(str(error), 1) from error
        except KeyboardInterrupt:
            raise place.stop(t("interrupted; the copy is gone, nothing was rehearsed"), 130) from None
    if as_json:
        print_json(report.as_dict())
    else:
        typer.echo(as_text(report, t))
    raise typer.Exit(0 if report.ok else 1)


async def _rehearsed(desk: Desk, to: dict[str, str], options: Options, smoke: bool, backup: bool) -> Report:
    from nexus.cli.migrateplace import waiting
    from nexus.control.migrating.applying import without_rehearsal
    from nexus.control.rehearsing.rehearse import rehearse as rehearse_plan

    plan = without_rehearsal(await desk.plan(to))
    if plan.refusals:
        raise place.stop("; ".join(f"{each.sentence}; {each.mend}" for each in plan.refusals), 2)
    if not plan.steps:
        more = waiting(len(plan.later))
        typer.echo(t("nothing is pending: there is nothing to rehearse") + more, err=True)
        raise typer.Exit(0)
    return await rehearse_plan(desk, plan, options, _say, smoke=smoke, backup=backup)


def _say(said: Sentence) -> None:
    typer.echo(t(said.text, **said.values), err=True)
