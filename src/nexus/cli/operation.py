"""Following an operation of the control loop: its plan, its progress, its outcome."""

from __future__ import annotations

import http.client
import time
import uuid
from pathlib import Path
from typing import Any

import typer

from nexus.cli import place
from nexus.cli.ending import stop_on_interrupt, stopping
from nexus.cli.language import t
from nexus.cli.progress import progress
from nexus.cli.within import Within
from nexus.control.client import Client, ControlError
from nexus.runtimes.home import Home


def control(home: Home) -> Client:
    """A client of the control loop, which is started when it does not run."""
    from nexus.control.launch import ensure

    return ensure(home)


def follow(client: Client, path: str, body: dict[str, Any], table: bool) -> int:
    """Runs an operation to its end and prints what happens; returns the exit code.

    The first Ctrl-C lets running steps end; the second leaves at once.
    """
    run = uuid.uuid4().hex
    text = t("stopping after the running steps; the same command goes on later")
    stop_on_interrupt(text, stopping(client, run))
    began, code, plan_only = time.monotonic(), 1, bool(body.get("plan_only"))
    shown, within = progress(), Within()
    try:
        for event in client.stream(path, {**body, "run": run}):
            kind = event["event"]
            if kind == "waiting":
                shown.say(t("waiting: {holder} is changing this stack", holder=event["holder"]))
            elif kind == "plan" and plan_only:
                typer.echo(event["text"])
                code = 0
            elif kind == "plan":
                shown.plan(event["plan"])
            elif kind == "step":
                shown.step(event)
            elif kind == "told" and (line := within.line(event)):
                shown.say(line)
            elif kind == "refused":
                shown.close()
                typer.echo(t("nexus: {message}", message=event["message"]), err=True)
                code = event["exit_code"]
            elif kind == "outcome":
                shown.close()
                _outcome(event, time.monotonic() - began, table)
                code = event["exit_code"]
    except BrokenPipeError:  # whoever read our output has gone; the operation goes on
        raise
    except (OSError, http.client.HTTPException, ControlError) as error:
        typer.echo(t("nexus: {message}", message=f"{error}; see `nexus logs control`"), err=True)
        return 1
    finally:
        shown.close()
    return code


def show_plan_offline(home: Home, asked: dict[str, Any]) -> int:
    """Prints what `up` would do while no control loop runs."""
    from nexus.control.outside import plan_from_outside

    plan = plan_from_outside(
        home, place.root(), asked["runtime"], asked["registry"], asked["offset"], asked["only"]
    )
    typer.echo(plan.text())
    return 0


def _outcome(event: dict[str, Any], seconds: float, table: bool) -> None:
    if event["state"] == "done":
        count = int(event["sentence"].split()[1])
        typer.echo(t("done: {count} steps in {seconds:.1f} s", count=count, seconds=seconds))
    elif event["state"] == "nothing to do":
        typer.echo(t("already up: nothing to do") if table else t("nothing runs"))
    else:
        typer.echo(event["sentence"], err=True)
    if not table or "status" not in event:
        return
    from nexus.cli.tables import services

    services(event["status"], event["addresses"])
    login = event.get("login")
    if login and event["exit_code"] == 0:
        edge = [s["name"] for s in event["status"]["services"] if s["kind"] == "edge"]
        url = event["addresses"].get(edge[0], "") if edge else ""
        file = Path(login["password_file"])
        shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        typer.echo(
            t(
                "open {url} and log in as {email}; the password is in {file}",
                url=url,
                email=login["email"],
                file=shown,
            )
        )
