"""What commands ask of a deployment that is under way: how it is, to stand still, to go on, to go back."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import typer

from nexus.cli import place
from nexus.cli.language import t
from nexus.control.client import Client, ControlError
from nexus.runtimes.home import Home


def running() -> Client:
    """A client of the control loop, taken up by itself where it died while the stack runs.

    Raises:
        typer.Exit: nothing runs; said on stderr.
    """
    from nexus.cli import operation
    from nexus.control.outside import leftovers, remembered

    home = Home.at(place.home_path())
    client = Client(home)
    if client.alive():
        return operation.control(home)
    if not home.database.exists() or not (leftovers(home) or remembered(home).runtime != "process"):
        raise place.stop(t("nothing runs; start with `nexus up`"), 2)
    return operation.control(home)


def steer(wish: str, as_json: bool) -> int:
    """`nexus deploy --status`, `--pause`, `--resume`, `--abort`; returns the exit code."""
    from nexus.cli.deployfollow import Following

    client, body = running(), {"who": place.user()}
    if wish == "abort":
        return Following(client, as_json).back("/v1/deploy/abort", body)
    try:
        if wish == "status":
            _status(client.get("/v1/deploy/status"), as_json)
            return 0
        answer = client.post(f"/v1/deploy/{wish}", body)
    except ControlError as error:
        raise place.stop(t(error.text, **error.values), error.exit_code) from error
    if answer["anew"]:
        return Following(client, as_json).run("/v1/deploy/go-on", body)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        still, on = "deployment {id} stands still after its running step", "deployment {id} goes on"
        typer.echo(t(still if answer["stands_still"] else on, id=answer["id"]))
    return 0


def confirm(question: str) -> None:
    """Asks on a terminal; elsewhere the answer is yes.

    Raises:
        typer.Exit: the answer is no.
    """
    if sys.stdin.isatty() and sys.stdout.isatty() and not typer.confirm(question):
        raise place.stop(t("nothing was changed"), 130)


def _status(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    from nexus.cli.deployfigures import figures
    from nexus.cli.deployview import headline
    from nexus.cli.progress import describe
    from nexus.cli.tables import console

    current, last = found["running"], found["last"]
    for each in found["unfinished"]:
        typer.echo(headline(each))
        typer.echo(t("it is about to be taken up again"))
    for each in found["held"]:
        if last is None or each["id"] != last["id"]:
            typer.echo(headline(each))
            typer.echo(f"{t(each['state'])}: {t('`nexus deploy --resume` goes on, `--abort` sends it back')}")
    if current is None:
        if last is None:
            typer.echo(t("nothing was deployed yet"))
        else:
            typer.echo(headline(last))
            typer.echo(last["sentence"] or t(last["state"]))
        return
    typer.echo(headline(current))
    typer.echo(t(current["state"]))
    if current["step"]:
        typer.echo(describe(current["step"]))
    for each in current["figures"].values():
        console().print(*figures(each), sep="\n")
