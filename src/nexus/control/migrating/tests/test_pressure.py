"""How much users wait, from what telemetry tells of the last seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nexus.control.migrating.pressure import Pressure, promised, share
from nexus.stack import load_stack

CHECKOUT = Path(__file__).resolve().parents[5]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, 0.0),  # telemetry does not answer
        ({"rows": []}, 0.0),
        ({"rows": [[5, 5000.0]]}, 0.0),  # five requests tell nothing
        ({"rows": [[100, None]]}, 0.0),
        ({"rows": [[100, 200.0]]}, 0.25),
        ({"rows": [[100, 800.0]]}, 1.0),
        ({"rows": [[100, 9000.0]]}, 1.0),
    ],
)
def test_slower_than_promised_is_full_pressure(answer: dict[str, Any] | None, expected: float) -> None:
    assert share(answer, within=0.8) == expected


def test_the_strictest_promise_of_the_stack_counts() -> None:
    assert promised(load_stack(CHECKOUT)) == (0.95, 0.8)


async def test_telemetry_is_asked_now_and_then_however_often_a_batch_ends(tmp_path: Path) -> None:
    asked: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response({"columns": ["requests", "ms"], "rows": [[100, 400.0]], "full": False})

    app = web.Application()
    app.add_routes([web.post("/sql", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(tmp_path / "t.sock")).start()
        pressure = Pressure(tmp_path / "t.sock", "SELECT 1", within=0.8)
        assert [await pressure() for _ in range(20)] == [0.5] * 20
    finally:
        await runner.cleanup()
    assert asked[0]["text"] == "SELECT 1"
    assert len(asked) < 20


async def test_nobody_waits_as_far_as_is_known_when_telemetry_is_away(tmp_path: Path) -> None:
    assert await Pressure(tmp_path / "nowhere.sock", "SELECT 1", within=0.8)() == 0.0
