"""`--contracts`: tell which declared uses nothing exercised; `--contracts-records`: keep the records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nexus_kit.testing import told
from nexus_kit.testing.fixtures import MODULES


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("contracts")
    group.addoption("--contracts", action="store_true", help="tell what uses.json declares and nothing read")
    group.addoption("--contracts-records", metavar="FOLDER", help="keep what modules told and read here")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell and keep what was asked for."""
    if config.getoption("--contracts"):
        for name, records in sorted(told.KEPT.items()):
            for line in told.unread(MODULES / name, records.values()):
                terminalreporter.write_line(f"contracts: {name} declares, and nothing used: {line}")
    if folder := config.getoption("--contracts-records"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, records in told.KEPT.items():
            lines = "".join(json.dumps(record) + "\n" for record in records.values())
            (Path(folder) / f"{name}.jsonl").write_text(lines)
