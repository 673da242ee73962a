"""The real process, with its gateway away: what it promises by itself."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from nexus_kit.testing import free_port

MODULE = Path(__file__).parents[1]


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a running web application; crm is on and down, sales is off."""
    key = tmp_path / "session_key"
    key.write_text("k" * 43)
    port, away = free_port(), f"http://127.0.0.1:{free_port()}"
    env = {
        **os.environ,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PYTHONPATH": os.pathsep.join((str(MODULE), str(MODULE.parents[1] / "kit"))),
        "SESSION_KEY_FILE": str(key),
        "NEXUS_URL_GATEWAY": away,
        "NEXUS_URL_AUTH": away,
        "NEXUS_URL_CRM": away,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nexus_frontend", env=env, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of an address without a name
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=jar) as http:
            while not await answers(http):
                assert process.returncode is None
                await asyncio.sleep(0.05)
            yield http
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def answers(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/health/ready") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def csrf_of(http: aiohttp.ClientSession) -> str:
    async with http.get("/login") as page:
        found = re.search(r'name="csrf" value="([^"]+)"', await page.text())
        assert found is not None
        return found[1]


async def test_its_answers_carry_a_strict_policy(web: aiohttp.ClientSession) -> None:
    async with web.get("/login") as page:
        text = await page.text()
        assert page.status == 200
        policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\s(style|on\w+)=\"|<script(?![^>]* src=)|<style", text)


async def test_static_files_are_kept_for_good_under_their_own_address(web: aiohttp.ClientSession) -> None:
    async with web.get("/login") as page:
        addresses = set(re.findall(r'"(/static/[^"]+)"', await page.text()))
    assert {address.rpartition("/")[2] for address in addresses} >= {"app.css", "app.js", "htmx.js"}
    for address in addresses:
        async with web.get(address) as file:
            assert file.status == 200
            assert "immutable" in file.headers["Cache-Control"]
    async with web.get("/static/older/app.css") as older:
        assert older.headers["Cache-Control"] == "no-cache"


async def test_whoever_has_no_session_is_sent_to_log_in(web: aiohttp.ClientSession) -> None:
    async with web.get("/orders?state=done", allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == "/login?next=/orders%3Fstate%3Ddone"
    part_of = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1/orders/new?customer=7"}
    async with web.get("/search", headers=part_of) as part:
        assert part.status == 204
        assert part.headers["HX-Redirect"] == "/login?next=/orders/new%3Fcustomer%3D7"


async def test_a_form_without_our_token_is_refused(web: aiohttp.ClientSession) -> None:
    token = await csrf_of(web)
    async with web.post("/login", data={"csrf": "guess"}) as answer:
        assert answer.status == 403
    async with web.post("/login", data={"csrf": token}, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
    async with web.post("/login", json={"csrf": token}) as answer:
        assert answer.status == 415
    async with web.post("/login", data={"csrf": token, "x": "y" * 300_000}) as answer:
        assert answer.status == 413


async def test_a_module_that_is_down_is_named_and_nothing_breaks(web: aiohttp.ClientSession) -> None:
    form = {"csrf": await csrf_of(web), "email": "a@b.c", "password": "secret words"}
    async with web.post("/login", data=form) as answer:
        text = await answer.text()
        assert answer.status == 503
    assert "Acesso não está respondendo." in text
    assert "secret words" not in text


async def test_an_address_that_leads_nowhere_says_so_as_a_page(web: aiohttp.ClientSession) -> None:
    async with web.get("/nowhere") as answer:
        assert answer.status == 404
        assert "Não encontramos esta página" in await answer.text()


async def test_operators_get_their_answers_without_a_database(web: aiohttp.ClientSession) -> None:
    for path in ("/health/live", "/health/ready", "/health/business", "/metrics"):
        async with web.get(path) as answer:
            assert answer.status == 200, path
