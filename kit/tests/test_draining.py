"""An instance that is told to end gives its requests the time that its manifest says."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from nexus_kit.server import _Server
from nexus_kit.settings import Settings, SettingsError
from uvicorn.config import Config


class Busy:
    """A module with a request in flight."""

    def __init__(self, drain: str, fault: Exception | None = None) -> None:
        self.settings = Settings.from_env("till", {"NEXUS_DRAIN": drain})
        self.app = SimpleNamespace(state=SimpleNamespace(in_flight=1))
        self._fault = fault

    async def drain(self) -> None:
        if self._fault:
            raise self._fault


def server(module: Any) -> _Server:
    return _Server(Config(app=module.app), module)


async def test_a_request_that_does_not_end_is_waited_for_as_long_as_the_manifest_says() -> None:
    leaving = server(Busy("0.5"))
    async with asyncio.timeout(15):  # less than who is told nothing waits
        await leaving._drain()
    assert leaving.should_exit


async def test_a_request_that_takes_long_is_not_cut_before() -> None:
    module = Busy("35")
    leaving = server(module)
    draining = asyncio.create_task(leaving._drain())
    await asyncio.sleep(0.4)
    assert not leaving.should_exit
    module.app.state.in_flight = 0
    async with asyncio.timeout(60):
        await draining
    assert leaving.should_exit


async def test_events_that_could_not_be_let_go_of_are_told(caplog: pytest.LogCaptureFixture) -> None:
    await server(Busy("0.1", RuntimeError("no stream")))._drain()
    (told,) = [each for each in caplog.records if each.exc_info]
    assert "no stream" in str(told.exc_info[1])  # type: ignore[index]


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_what_is_no_time_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="NEXUS_DRAIN"):
        Settings.from_env("till", {"NEXUS_DRAIN": value})
