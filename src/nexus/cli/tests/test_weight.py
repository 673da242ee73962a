"""Commands load what they need: neither engines nor parsers nor drivers, while they only look or only ask.

Every operator waits for what a command loads, and so does every script that runs one; times depend on the
machine, names of modules do not.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
ENGINES = {"aiodocker", "aiohttp", "boto3", "botocore", "duckdb", "jinja2", "pyarrow", "asyncssh"}
PARSERS = {"pglast", "cryptography", "fastapi"}
DRIVERS = {"asyncpg"}
HEAVY = ENGINES | PARSERS | DRIVERS
RUN = """
import atexit, runpy, sys
atexit.register(lambda: print("loaded", *{each.partition(".")[0] for each in sys.modules}, file=sys.stderr))
runpy.run_module("nexus", run_name="__main__", alter_sys=True)
"""


def loaded(home: Path, *arguments: str) -> set[str]:
    """The libraries that a command has loaded when it ends; nothing runs."""
    own = {"NEXUS_ROOT": str(ROOT), "NEXUS_HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", RUN, *arguments]
    ran = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    last = ran.stderr.splitlines()[-1].split()
    assert last[0] == "loaded", ran.stderr
    assert "Traceback" not in ran.stderr
    return set(last[1:])


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "status --json",
        "logs",
        "restart sales",
        "check",
        "health",
        "releases",
        "backup --help",
        "up --plan",
    ],
)
def test_a_command_that_looks_loads_no_engine_no_parser_and_no_driver(command: str, tmp_path: Path) -> None:
    assert loaded(tmp_path / "home", *command.split()) & HEAVY == set()


@pytest.mark.parametrize("command", ["backup list", "recovery status", "down"])
def test_nor_does_one_about_backups_load_an_engine(command: str, tmp_path: Path) -> None:
    assert loaded(tmp_path / "home", *command.split()) & ENGINES == set()
