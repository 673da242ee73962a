"""`nexus restore --module`: some rows of an earlier time, shown as a difference, then brought back."""

from __future__ import annotations

import http.client
import json
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nexus.cli import place
from nexus.cli.ending import ended
from nexus.cli.language import t
from nexus.cli.progress import Progress, progress
from nexus.cli.restorechange import Asked
from nexus.cli.restorerowsview import show
from nexus.control.client import Client, ControlError

if TYPE_CHECKING:
    from nexus.control.restoring.requests import Wish


def rows(wish: Wish, body: dict[str, Any], asked: Asked) -> int:
    """Compares, shows, asks, merges; returns the exit code. `body`: the fields of RowsRequest."""
    from nexus.cli import operation
    from nexus.runtimes.home import Home

    client = operation.control(Home.at(place.home_path()))
    told = {**body, "wish": wish.model_dump(exclude_defaults=True), "who": place.user()}
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not (asked.plan or asked.yes or terminal):
        raise place.stop(t("this changes the living stack; look at it with --plan, then say --yes"), 2)
    following = Following(client, asked.as_json)
    code = following.run({**told, "plan_only": True})
    found = following.difference
    if code or asked.plan:
        return code
    if asked.yes or not any(each["written"] for each in found["tables"]):
        return following.run({**told, "stamp": found["stamp"]})
    if not typer.confirm(t("go on?"), default=False):
        following.forget({**told, "stamp": found["stamp"], "forget": True})
        raise place.stop(t("nothing was done"), 1)
    return following.run({**told, "stamp": found["stamp"]})


def checked(module: str, only: Mapping[str, object], never: Mapping[str, object]) -> None:
    """Whether options fit: `only` are of --module, `never` are not. Ends the command with exit code 2."""
    wrong = [name for name, value in only.items() if value]
    if not module and wrong:
        told = ", ".join(wrong)
        raise place.stop(
            t("these are options of --module, which brings rows back: {options}", options=told), 2
        )
    for name, value in never.items():
        if module and value:
            text = "{option} is not an option of --module: rows come back into the living stack alone"
            raise place.stop(t(text, option=name), 2)


def policy(deleted: bool, changed: bool, added: bool, until: str | None, take: str) -> dict[str, Any]:
    """Which rows are written when none is named: deleted ones, and where the end of the damage is told,
    changed ones. Ends the command when wrong.
    """
    from nexus.cli import restorewish
    from nexus.recovery.restoring.moment import NoMoment, moment

    if take not in ("now", "then"):
        raise place.stop(t("--take is now or then"), 2)
    chosen = {"deleted": deleted, "changed": changed, "added": added}
    if not any(chosen.values()):
        chosen = {"deleted": True, "changed": until is not None, "added": False}
    try:
        at = None if until is None else moment(until, time.time(), restorewish.zone())
    except NoMoment as error:
        raise place.stop(t(error.sentence.text, **error.sentence.values), 2) from error
    return {**chosen, "until": at, "take": take}


@dataclass
class Following:
    """One operation, from the command's side. `difference`: what it compared."""

    client: Client
    as_json: bool
    difference: Mapping[str, Any] = field(default_factory=dict)
    shown: Progress = field(default_factory=progress)

    def run(self, body: Mapping[str, Any]) -> int:
        """Follows it to its end; returns the exit code."""
        events = self.client.stream("/v1/restore/rows", {**body, "run": uuid.uuid4().hex})
        seen, plan_only = bool(body.get("stamp")), bool(body.get("plan_only"))
        lost = t("the control loop was lost; a merge is whole or not there: run the command again")

        def take(event: dict[str, Any]) -> None:
            self._take(event, seen)

        return ended(events, take, self.shown.close, self._fail, plan_only, lost)

    def forget(self, body: Mapping[str, Any]) -> None:
        """Has what was compared deleted: it holds rows of the business."""
        try:
            for _ in self.client.stream("/v1/restore/rows", {**body, "run": uuid.uuid4().hex}):
                pass
        except (ControlError, OSError, http.client.HTTPException):
            self._fail(t("what was compared could not be deleted at once; it is within a day"))

    def _take(self, event: dict[str, Any], seen: bool) -> None:
        kind = event["event"]
        if kind == "plan":
            for each in event["difference"]["tables"]:
                each["written"] = each["back"] + each["put"] + each["away"]
            self.difference = event["difference"]
        if kind == "plan" and seen:
            return
        if self.as_json:
            typer.echo(json.dumps(event, ensure_ascii=False))
            for row in every_row(event) if kind == "plan" else ():
                typer.echo(json.dumps({"event": "row", **row}, ensure_ascii=False))
        elif kind == "waiting":
            self.shown.say(t("waiting: {holder} is changing this stack", holder=event["holder"]))
        elif kind == "said":
            self.shown.say("  " + t(event["text"], **event["values"]))
        elif kind == "plan":
            self.shown.close()
            show(event["difference"])
            typer.echo(event["text"])
        elif kind == "step":
            self.shown.step(event)
        elif kind == "refused":
            self._fail(event["message"])
        elif kind == "outcome":
            self._outcome(event)

    def _outcome(self, event: Mapping[str, Any]) -> None:
        self.shown.close()
        merged = event.get("merged")
        sentence = event["sentence"]
        if merged and event["exit_code"] == 0:
            sentence = t("{back} rows brought back, {put} put back, {away} taken away, {kept} kept", **merged)
            if merged["differ"]:
                sentence += t("; {differ} not as they were then: triggers wrote something else", **merged)
        typer.echo(sentence, err=event["exit_code"] != 0)
        for note in event.get("notes", ()):
            typer.echo(f"! {note}")

    def _fail(self, message: str) -> None:
        self.shown.close()
        if self.as_json:
            typer.echo(json.dumps({"event": "lost", "message": message}, ensure_ascii=False))
        else:
            typer.echo(t("nexus: {message}", message=message), err=True)


def every_row(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every difference, where the samples are not all: read as it lies, however many there are."""
    path = Path(event["difference"]["rows"])
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
