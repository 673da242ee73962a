"""Where a restore is to go and with which key, as operators say it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.restoring.requests import Wish


def wish(kind: str, text: str, timeline: int | None = None) -> Wish:
    """The wish; ends the command with exit code 2 when it cannot be read."""
    if timeline is not None and kind == "backup":
        raise place.stop(t("{option} says nothing with {beside}", option="--timeline", beside="--backup"), 2)
    from nexus.control.restoring.requests import Wish
    from nexus.recovery import lsn
    from nexus.recovery.restoring.moment import NoMoment, moment

    told: dict[str, Any] = {"kind": kind, "timeline": timeline}
    try:
        if kind == "time":
            return Wish(kind="time", at=moment(text, time.time(), zone()), timeline=timeline)
        if kind == "lsn":
            lsn.parse(text)
    except NoMoment as error:
        raise place.stop(t(error.sentence.text, **error.sentence.values), 2) from error
    except ValueError as error:
        raise place.stop(str(error), 2) from error
    if kind != "latest":
        if not text.strip():
            raise place.stop(
                t("say where to, once: --at, --point, --before-migration, --lsn, --backup or --latest"), 2
            )
        told["name"] = text.strip()
    return Wish(**told)


def zone() -> str:
    """On whose clock times are written: the stack's, or the default where there is none."""
    from nexus.stack import ManifestError, load_stack
    from nexus.stack.recovering import Schedule

    try:
        return load_stack(place.root()).recovery.schedule.zone
    except ManifestError:
        return Schedule().zone


def key(file: str) -> str:
    """The secret key in a file, or asked for ("-"); "" when none is named. It is never an argument."""
    if not file:
        return ""
    if file == "-":
        asked = typer.prompt(t("the recovery kit's key"), hide_input=True) if sys.stdin.isatty() else ""
        text = asked or sys.stdin.read()
    else:
        try:
            text = Path(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise place.stop(t("{file} cannot be read: {why}", file=file, why=error), 2) from error
    from nexus.recovery.errors import WrongKey
    from nexus.recovery.kit import read_key

    try:
        return read_key(text)
    except WrongKey as error:
        raise place.stop(f"--key {file}: {error}", 2) from error
