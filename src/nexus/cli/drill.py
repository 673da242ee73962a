"""`nexus drill`: a backup is restored and proven; disasters befall a throwaway stack and are mended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import language, t

app = typer.Typer(
    invoke_without_command=True, help="Restore the newest backup beside the stack and prove it."
)

Scenarios = Annotated[
    list[str] | None,
    typer.Option("--scenario", metavar="NAME", help="A disaster; may be given several times."),
]
All = Annotated[bool, typer.Option("--all", help="The nightly drill's proofs, and every disaster.")]
List = Annotated[bool, typer.Option("--list", help="Name the disasters and how their last drills ended.")]
From = Annotated[
    str, typer.Option("--from", metavar="PLACE", help="Restore from this place; default: all in turn.")
]
Keep = Annotated[bool, typer.Option("--keep", help="Leave what was restored, to look at it.")]
Plan = Annotated[bool, typer.Option("--plan", help="Print what would be done, and stop.")]
Json = Annotated[bool, typer.Option("--json", help="Print every event as JSON, one a line.")]
Due = Annotated[float | None, typer.Option("--due", hidden=True)]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A report, as JSON, HTML or Markdown.")]
Key = Annotated[
    str, typer.Option("--key", metavar="KEY", help="The public key it must be signed with; default: ours.")
]


@app.callback()
def drill(
    context: typer.Context,
    scenarios: Scenarios = None,
    all_: All = False,
    list_: List = False,
    from_: From = "",
    keep: Keep = False,
    plan: Plan = False,
    as_json: Json = False,
    due: Due = None,
) -> None:
    """Restore the newest backup beside the stack and prove it; or drill disasters. Exit code 1: unproven."""
    if context.invoked_subcommand is not None:
        return
    from nexus.cli import drillfollow, drillview
    from nexus.control.drilling.drilling import SCHEDULE, Asked
    from nexus.recovery.drilling.report import NIGHTLY
    from nexus.recovery.drilling.scenarios import SCENARIOS

    if list_:
        drillview.show_list(as_json)
        raise typer.Exit
    if all_ and scenarios:
        raise place.stop(t("--all drills every scenario; leave out --scenario"), 2)
    names = (NIGHTLY, *SCENARIOS) if all_ else tuple(scenarios or ())
    who = place.user() if due is None else SCHEDULE
    asked = Asked(who, names, from_, keep, plan, due)
    raise typer.Exit(drillfollow.follow(asked, as_json))


@app.command()
def verify(file: File, key: Key = "") -> None:
    """Check that a report is what was signed, by whom, and show how the drill ended."""
    from nexus.cli.drillview import show_report
    from nexus.recovery.drilling.keeping import checked
    from nexus.recovery.drilling.signing import public_key
    from nexus.recovery.errors import RecoveryError
    from nexus.runtimes.home import Home

    try:
        signed = checked(file)
        ours = key or public_key(Home.at(place.home_path())) or ""
    except OSError as error:
        raise place.stop(t("{file} cannot be read: {why}", file=file, why=error.strerror), 2) from error
    except RecoveryError as error:
        raise place.stop(str(error), 1) from error
    if not ours:
        raise place.stop(
            t("this stack has signed nothing yet; name the key it must be signed with: --key"), 2
        )
    if signed.key != ours:
        text = "the report is whole, but signed with another key: {key}"
        raise place.stop(t(text, key=signed.key), 1)
    show_report(signed.report, language())
    typer.echo(t("the signature holds: {key}", key=signed.key))
