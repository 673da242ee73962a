"""Following a change of backups to its end: through the control loop, or in this process where none runs."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import typer

from nexus.cli import place, progress
from nexus.cli.amounts import size
from nexus.cli.ending import BAD_INPUT, FAILED, ended, stop_on_interrupt, stopping
from nexus.cli.language import t
from nexus.cli.times import lasting
from nexus.control.client import Client
from nexus.runtimes.home import Home

if TYPE_CHECKING:
    from nexus.control.recovering.backups import Backups

ACTIONS = {"back-up": "back up"}


class Source(Protocol):
    """Where the events of an operation come from."""

    def events(self) -> Iterator[dict[str, Any]]:
        """Its events up to its end."""

    def stop(self) -> None:
        """Asks it to end in order."""


class Remote:
    """An operation of the control loop."""

    def __init__(self, client: Client, what: str, body: Mapping[str, Any]) -> None:
        self._client, self._path, self._body = client, f"/v1/backup/{what}", body
        self._run = uuid.uuid4().hex

    def events(self) -> Iterator[dict[str, Any]]:
        return self._client.stream(self._path, {**self._body, "run": self._run})

    def stop(self) -> None:
        stopping(self._client, self._run)()


class Local:
    """The same operation in a thread of this process."""

    def __init__(self, home: Home, what: str, body: Mapping[str, Any]) -> None:
        self._home, self._what, self._body = home, what, body
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def events(self) -> Iterator[dict[str, Any]]:
        threading.Thread(target=self._run, daemon=True).start()
        while (event := self._events.get()) is not None:
            yield event

    def stop(self) -> None:
        if self._stop is not None:
            loop, event = self._stop
            loop.call_soon_threadsafe(event.set)

    def _run(self) -> None:
        from nexus.control.addresses import Refused
        from nexus.recovery.errors import RecoveryError

        def refuse(message: str, code: int) -> None:
            self._events.put({"event": "refused", "message": message, "exit_code": code})

        try:
            asyncio.run(self._operate())
        except Refused as error:
            refuse(str(error), BAD_INPUT)
        except (RecoveryError, OSError) as error:
            refuse(str(error), FAILED)
        except Exception as error:  # noqa: BLE001 - told in a sentence, details go to a log
            from nexus.cli import failure

            refuse(f"{type(error).__name__}: {error}", failure.told(error))
        finally:
            self._events.put(None)

    async def _operate(self) -> None:
        from nexus.control.recovering.backups import Backups
        from nexus.control.recovering.desk import Desk

        stop = asyncio.Event()
        self._stop = (asyncio.get_running_loop(), stop)
        root = place.root()
        backups = Backups(lambda: Desk.outside(self._home, root), self._home.database)
        try:
            await self._asked(backups, stop)
        finally:
            backups.close()

    async def _asked(self, backups: Backups, stop: asyncio.Event) -> None:
        from nexus.control.recovering.requests import CreateRequest, PruneRequest

        backups.runs.settle()
        if self._what == "create":
            await backups.create(CreateRequest.model_validate(self._body), self._events.put, stop)
        else:
            await backups.prune(PruneRequest.model_validate(self._body), self._events.put, stop)


def change(what: str, body: Mapping[str, Any], as_json: bool) -> int:
    """Runs `create` or `prune` to its end; returns the exit code.

    The first Ctrl-C ends it in order; the second leaves at once.
    """
    return _followed(what, body, as_json)[0]


def planned(what: str) -> tuple[int, str]:
    """Shows what would be done; returns the exit code, and the plan's digest ("" where nothing is to do)."""
    code, plan = _followed(what, {"plan_only": True}, False)
    return code, str(plan.get("digest", "")) if plan.get("steps") else ""


def _followed(what: str, body: Mapping[str, Any], as_json: bool) -> tuple[int, Mapping[str, Any]]:
    """Runs it to its end; returns the exit code and the plan."""
    from nexus.cli import operation
    from nexus.cli.backupread import desk

    home, asked = desk().home, {**body, "who": place.user()}
    runs = Client(home).alive()  # one of an older release gives way to a new one
    source: Source = Remote(operation.control(home), what, asked) if runs else Local(home, what, asked)
    if isinstance(source, Local) and not home.database.exists():
        raise place.stop(t("this stack has no database yet; start it with `nexus up`"), BAD_INPUT)
    stop_on_interrupt(t("stopping; nothing of an unfinished backup counts"), source.stop)
    following = _Following(bool(body.get("plan_only")), as_json)
    return following.run(source), following.plan


class _Following:
    def __init__(self, plan_only: bool, as_json: bool) -> None:
        self._plan_only = plan_only
        self._as_json = as_json
        self._view = progress.progress()
        self._began = time.monotonic()
        self.plan: Mapping[str, Any] = {}

    def run(self, source: Source) -> int:
        lost = t("the control loop was lost; `nexus backup schedule` tells how it ended")
        return ended(source.events(), self._take, self._view.close, self._fail, self._plan_only, lost)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if self._as_json:
            typer.echo(json.dumps(event, ensure_ascii=False))
        if kind == "plan":
            self.plan = event["plan"]
        if kind == "refused":
            self._fail(event["message"])
        elif not self._as_json:
            self._show(event, kind)

    def _show(self, event: dict[str, Any], kind: str) -> None:
        if kind == "plan" and self._plan_only:
            typer.echo(event["text"])
        elif kind == "plan":
            self._view.plan(event["plan"])
        elif kind == "said":
            self._view.say(t(event["text"], **event["values"]))
        elif kind == "step":
            self._view.step({**event, "action": ACTIONS.get(event["action"], event["action"])})
        elif kind == "outcome":
            self._view.close()
            _outcome(event, time.monotonic() - self._began)

    def _fail(self, message: str) -> None:
        self._view.close()
        typer.echo(t("nexus: {message}", message=message), err=True)


def _outcome(event: Mapping[str, Any], seconds: float) -> None:
    backup = event.get("backup")
    if backup:
        typer.echo(
            t(
                "{id}: {size} in {time}",
                id=backup["id"],
                size=size(backup["bytes"]),
                time=lasting(backup["seconds"]),
            )
        )
        if event.get("pruned") is False:
            typer.echo(t("what need not be kept could not be deleted; see `nexus backup schedule`"), err=True)
    elif event["state"] == "done":
        typer.echo(t("deleted: {size} in {time}", size=size(event.get("bytes", 0)), time=lasting(seconds)))
    elif event["state"] == "nothing to do":
        typer.echo(t("nothing to delete"))
    else:
        typer.echo(event["sentence"], err=True)
