"""The web application uses nothing of the modules that its contracts/uses.json does not declare."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from nexus_frontend.application import Application
from nexus_frontend.settings import BRICKS, read_settings
from nexus_kit.testing import told

MODULE = Path(__file__).parents[1]
ROUNDS = 2


@pytest.fixture
def application(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The application, behind forms that need no token, with all modules there."""
    (tmp_path / "key").write_text("k" * 43)
    urls = {f"NEXUS_URL_{name.upper()}": "http://127.0.0.1:1" for name in (*BRICKS, "gateway")}
    for name, value in {**urls, "SESSION_KEY_FILE": str(tmp_path / "key")}.items():
        monkeypatch.setenv(name, value)
    made = Application(read_settings())
    monkeypatch.setattr(made.signer, "matches", lambda *given: True)
    monkeypatch.setattr(made.bricks, "look", lambda: None)
    return made


async def test_every_page_uses_of_the_modules_what_is_declared(
    application: Application, answers: Any, use_all: Callable[..., Any]
) -> None:
    web = importlib.import_module("nexus_frontend.web")
    application.gateway._send = answers.send  # type: ignore[method-assign]
    app = FastAPI()
    web.install(app, application)
    for answers.round in range(ROUNDS):
        application.companies.forget("")
        assert await use_all(app, [page.router for page in web.PAGES]) == []
        await application.sessions.renew(f"r{answers.round}", {})
    assert len({record.get("asked") for record in answers.records}) > 60
    assert told.check(MODULE, answers.records) == []
