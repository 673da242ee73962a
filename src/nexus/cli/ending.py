"""How a command that follows an operation of the control loop ends."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable
from typing import Any

from nexus.cli.language import t
from nexus.control.client import ControlError

FAILED = 1


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
                code = 0
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
