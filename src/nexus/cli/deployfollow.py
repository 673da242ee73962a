"""Following a deployment to its end, whatever happens to the control loop meanwhile."""

from __future__ import annotations

import http.client
import signal
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from nexus.cli.deployview import View, view
from nexus.cli.language import t
from nexus.control.client import Client, ControlError

FAILED, INTERRUPTED = 1, 130
PATIENCE = 60.0  # seconds for another control loop to come up
LOST = (OSError, http.client.HTTPException)


class Following:
    """One deployment, from the command's side."""

    def __init__(self, client: Client, as_json: bool) -> None:
        self._client = client
        self._view: View = view(as_json)
        self._plain = not as_json
        self._number: int | None = None
        self._state = ""

    def back(self, path: str, body: Mapping[str, Any]) -> int:
        """Like `run`, for who wants all to be as before: that is what succeeds then."""
        code = self.run(path, body)
        return 0 if self._state in ("rolled back", "failed") else code or FAILED

    def run(self, path: str, body: Mapping[str, Any]) -> int:
        """Asks for a deployment and follows it to its end; returns the command's exit code."""
        run = uuid.uuid4().hex
        signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
        try:
            try:
                code = self._show(self._client.stream(path, {**body, "run": run}))
            except LOST:
                code = None
            return self._follow_on() if code is None else code
        except KeyboardInterrupt:
            return self._leave(run)
        except ControlError as error:
            self._say(t("nexus: {message}", message=t(error.text, **error.values)))
            return error.exit_code
        finally:
            self._view.close()

    def _show(self, events: Iterator[dict[str, Any]]) -> int | None:
        """Shows events; the exit code of the last one, None when they ended before the deployment did."""
        code = None
        for event in events:
            kind = event["event"]
            if event.get("plan_only"):
                code = 0  # there is no more to come
            if kind == "deployment":
                if event["id"] == self._number:
                    continue  # shown before the stream was lost
                self._number = event["id"]
            if kind == "refused":
                self._view.close()
                if not self._plain:
                    self._view.show(event)
                typer.echo(t("nexus: {message}", message=event["message"]), err=True)
                return int(event["exit_code"])
            if kind == "outcome":
                self._state = event["state"]
                self._view.close()
                self._outcome(event)
                return int(event["exit_code"])
            if self._plain and self._told_plainly(event):
                continue
            self._view.show(event)
        return code

    def _told_plainly(self, event: Mapping[str, Any]) -> bool:
        """Whether the event is one sentence, which is then said."""
        kind = event["event"]
        if kind == "waiting":
            self._say(t("waiting: {holder} is changing this stack", holder=event["holder"]))
        elif kind == "attached":
            self._say(t("the same deployment is under way; following it"))
        elif kind == "paused":
            self._say(t("paused by {who}; `nexus deploy --resume` goes on", who=event["who"]))
        elif kind == "resumed":
            self._say(t("{who} lets it go on", who=event["who"]))
        elif kind == "returning":
            self._say(t("going back: {cause}", cause=event["cause"]))
        elif kind == "plan" and event.get("plan_only"):
            typer.echo(event["text"])
        else:
            return False
        return True

    def _outcome(self, event: Mapping[str, Any]) -> None:
        if not self._plain:
            self._view.show(event)
            return
        said = t(event["text"], **event["values"])
        if event["state"] == "promoted":
            said = f"{said} ({event['seconds']:.1f} s)"
        typer.echo(said, err=event["exit_code"] != 0)

    def _follow_on(self) -> int:
        """After the stream was lost: the next control loop goes on with the deployment, and we with it."""
        if self._number is None:
            self._view.close()
            typer.echo(
                t("nexus: {message}", message=t("the control loop ended before anything was changed")),
                err=True,
            )
            return FAILED
        self._say(t("the control loop was lost; waiting for the next one to go on"))
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            try:
                code = self._show(self._client.stream(f"/v1/deploy/follow/{self._number}", method="GET"))
            except LOST:
                code = None
            if code is not None:
                return code
            time.sleep(0.2)
        self._view.close()
        message = t("no control loop came up; the next `nexus up` goes on with the deployment")
        typer.echo(t("nexus: {message}", message=message), err=True)
        return FAILED

    def _leave(self, run: str) -> int:
        self._view.close()
        if self._number is None:
            self._client.post(f"/v1/stop/{run}", {})
            self._say(t("withdrawn; nothing was changed"))
        else:
            self._say(t("the deployment goes on; `nexus deploy --status` shows it, `--abort` sends it back"))
        return INTERRUPTED

    def _say(self, text: str) -> None:
        self._view.say(text)
