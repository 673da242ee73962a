"""How a command that follows an operation of the control loop ends."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import typer

from nexus.cli.language import t
from nexus.control.client import Client, ControlError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def ended(
    events: Iterable[dict[str, Any]],
    take: Callable[[dict[str, Any]], None],
    close: Callable[[], None],
    fail: Callable[[str], None],
    plan_only: bool,
    lost: str,
) -> int:
    """Takes every event; returns the exit code that the last one tells. `close` ends what shows the progress.
    `fail` is told then what went wrong: a refusal, or `lost` where the control loop went away before it told
    how it ended.
    """
    code, wrong, status = None, lost, FAILED
    try:
        for event in events:
            take(event)
            if event["event"] in ("refused", "outcome"):
                code = int(event["exit_code"])
            elif event["event"] == "plan" and plan_only:
                code = BAD_INPUT if event["plan"].get("refusals") else 0
    except ControlError as error:
        code, wrong, status = None, t(error.text, **error.values), error.exit_code
    except BrokenPipeError:  # whoever read our output has gone; the operation goes on
        raise
    except (OSError, http.client.HTTPException):
        code = None
    finally:
        close()
    if code is None:
        fail(wrong)
        return status
    return code


def stop_on_interrupt(text: str, stop: Callable[[], None]) -> None:
    """The first Ctrl-C says `text` and asks the operation to end in order; the second leaves at once."""
    asked = threading.Event()

    def interrupted(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            os._exit(INTERRUPTED)
        asked.set()
        typer.echo("\n" + text, err=True)
        stop()

    signal.signal(signal.SIGINT, interrupted)


def stopping(client: Client, run: str) -> Callable[[], None]:
    """What asks the control loop to end the operation `run` in order; does not wait for the answer."""
    return lambda: threading.Thread(target=client.post, args=(f"/v1/stop/{run}", {}), daemon=True).start()
