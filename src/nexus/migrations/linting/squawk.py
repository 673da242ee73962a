"""squawk's rules: one run of its binary over all files.

Source: squawk 2.70, https://squawkhq.com/docs/rules
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nexus.migrations.errors import MigrationError

PROGRAM = "squawk"
_WITHIN = 120.0  # seconds
_CONFIG = 'pg_version = "{version}"\nassume_in_transaction = false\n'


class SquawkError(MigrationError):
    """squawk is not there, or does not work."""


class Told(NamedTuple):
    """One thing that squawk says. `file`: the number of the script; `at`: characters into it."""

    file: int
    rule: str
    at: int
    message: str
    help: str


def squawk(scripts: Sequence[str], version: int = 180000) -> tuple[Told, ...]:
    """What squawk says of these scripts. `version`: of PostgreSQL, as server_version_num.

    No configuration of the folder that it is called from counts.

    Raises:
        SquawkError: it is not there, or does not work.
    """
    if not scripts:
        return ()
    program = _program()
    with tempfile.TemporaryDirectory(prefix="nexus-lint-") as folder:
        here = Path(folder)
        (here / "squawk.toml").write_text(_CONFIG.format(version=f"{version // 10000}.{version % 10000}"))
        names = [f"{number}.sql" for number in range(len(scripts))]
        for name, script in zip(names, scripts, strict=True):
            (here / name).write_text(script, encoding="utf-8", newline="")
        arguments = [program, "--config", "squawk.toml", "--reporter", "json", *names]
        try:
            done = subprocess.run(
                arguments, cwd=here, capture_output=True, text=True, timeout=_WITHIN, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SquawkError(f"{program} does not work ({error}); install squawk-cli again") from error
    return tuple(_told(done.stdout, done.stderr, scripts))


def _program() -> str:
    beside = Path(sys.executable).with_name(PROGRAM)
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise SquawkError(
            f"{beside} is not there, nor squawk in PATH; install squawk-cli into the platform's environment"
        )
    return found


def _told(output: str, errors: str, scripts: Sequence[str]) -> list[Told]:
    try:
        found = json.loads(output)
    except json.JSONDecodeError as error:
        said = (errors or output).strip()[:300]
        raise SquawkError(f"squawk answers no JSON ({said}); install squawk-cli 2.70 again") from error
    lines = [script.split("\n") for script in scripts]
    told = []
    for each in found:
        number = int(Path(each["file"]).stem)
        before = lines[number][: each["line"]]
        line = lines[number][each["line"]] if each["line"] < len(lines[number]) else ""
        column = len(line.encode()[: each["column"]].decode(errors="ignore"))  # squawk counts bytes
        at = sum(len(text) + 1 for text in before) + column
        told.append(Told(number, each["rule_name"], at, each["message"], each["help"] or ""))
    return told
