from __future__ import annotations

import asyncio
import json

from nexus_kit.testing import ModuleProcess


async def test_a_note_is_written_and_read_back(echo: ModuleProcess) -> None:
    async with echo.http.post(
        "/api/echo/notes", json={"text": "one", "amount": "12.50"}, headers=echo.headers()
    ) as answer:
        assert answer.status == 201, await answer.text()
        made = await answer.json()
    assert made["amount"] == "12.50"
    async with echo.http.get(f"/api/echo/notes/{made['id']}", headers=echo.headers()) as answer:
        assert await answer.json() == made
    (event,) = await echo.events("note.created")
    assert event.data == {"text": "one", "amount": "12.50"}
