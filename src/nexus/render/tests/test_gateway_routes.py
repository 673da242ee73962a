import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from nexus.render.tests.conftest import Gateway
from nexus.render.tests.proxies import bearer, echo


async def raw(gateway: Gateway, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are and return the answer's status, headers and body."""
    port = int(gateway.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(first.split()[1]), headers, body


async def get(gateway: Gateway, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    token = bearer(gateway.signer.token())
    request = "".join(f"{name}: {value}\r\n" for name, value in {**token, **headers}.items())
    status, answered, body = await raw(
        gateway, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{request}\r\n".encode()
    )
    if status >= 400:
        assert answered["content-type"] == "application/problem+json", path
    return status, json.loads(body)


async def test_a_route_is_a_prefix_of_whole_segments(gateway: Gateway) -> None:
    for path in ("/api/shop", "/api/shop/", "/api/shop/orders/1?q=a%2Fb", "/api/shop/12.345%2F0001-90"):
        status, body = await get(gateway, path)
        assert (status, body.get("path")) == (200, path)


@pytest.mark.parametrize("path", ["/", "/api", "/api/shopx", "/api/other", "/openapi.json", "//api/shop"])
async def test_what_no_manifest_names_does_not_exist(gateway: Gateway, path: str) -> None:
    status, body = await get(gateway, path)
    assert (status, body["type"]) == (404, "urn:nexus:problem:no-such-route")


async def test_the_longest_prefix_wins(gateway: Gateway) -> None:
    status, body = await get(gateway, "/api/shop/deals/7")
    assert status == 503
    assert body["detail"] == "No instance of deals can answer now. Try again in a moment."


async def test_an_encoded_public_path_needs_a_token(gateway: Gateway) -> None:
    status, _, _ = await raw(
        gateway, b"GET /api/shop/ope%6e/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/internal/credentials",
        "/internal",
        "/INTERNAL/x",
        "/%69nternal/x",
        "//internal/x",
        "/api/shop/../../internal/x",
        "/api/shop/%2e%2e/%2e%2e/internal/x",
        "/api/shop/..%2finternal/x",
        "/api/shop/..",
        "/api/shop/open/..\\x",
    ],
)
async def test_internal_paths_are_never_routed(gateway: Gateway, path: str) -> None:
    before = len(gateway.shop.seen)
    status, _ = await get(gateway, path)
    assert status in (400, 404)
    assert len(gateway.shop.seen) == before


async def test_a_brick_without_instances_answers_503_and_says_when_to_try_again(gateway: Gateway) -> None:
    token = bearer(gateway.signer.token())
    async with gateway.http.get(f"{gateway.url}/api/shop/deals", headers=token) as answer:
        body = await answer.json(content_type=None)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert body["type"] == "urn:nexus:problem:service-unavailable"
        assert body["instance"] == "/api/shop/deals"


async def test_a_body_above_the_limit_is_refused(gateway: Gateway) -> None:
    token = bearer(gateway.signer.token())
    url = f"{gateway.url}/api/shop/orders"
    async with gateway.http.post(url, data=b"x" * 65536, headers=token) as answer:
        assert answer.status == 200
    async with gateway.http.post(url, data=b"x" * 65537, headers=token) as answer:
        assert answer.status == 413
        assert (await answer.json(content_type=None))["type"] == "urn:nexus:problem:body-too-large"


async def test_a_body_of_unknown_length_is_refused(gateway: Gateway) -> None:
    async def chunks() -> Any:
        yield b"x"

    token = bearer(gateway.signer.token())
    async with gateway.http.post(f"{gateway.url}/api/shop/orders", data=chunks(), headers=token) as answer:
        assert answer.status == 411


async def test_what_is_not_http_and_methods_for_proxies_are_refused(gateway: Gateway) -> None:
    status, _, _ = await raw(gateway, b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n")
    assert status == 400
    status, headers, body = await raw(
        gateway, b"TRACE /api/shop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert (status, json.loads(body)["type"]) == (405, "urn:nexus:problem:method-not-allowed")
    assert "TRACE" not in headers["allow"]


async def test_a_path_that_is_no_text_leaves_the_problem_valid_json(gateway: Gateway) -> None:
    status, body = await get(gateway, '/api/none/"%22<x>')
    assert (status, body["instance"]) == (404, '/api/none/"%22<x>')


async def test_spoofable_headers_are_dropped_and_the_client_is_told_by_the_proxy(gateway: Gateway) -> None:
    _, body = await get(
        gateway,
        "/api/shop/x",
        **{
            "X-Nexus-User": "root",
            "X-Real-IP": "1.1.1.1",
            "Forwarded": "for=1.1.1.1",
            "X-Original-URL": "/internal",
            "X-Forwarded-For": "6.6.6.6, 203.0.113.9",
        },
    )
    headers = body["headers"]
    assert headers["x-forwarded-for"] == "203.0.113.9"
    assert not {"x-nexus-user", "x-real-ip", "forwarded", "x-original-url"} & set(headers)


async def test_every_request_has_an_id_and_a_trace(gateway: Gateway) -> None:
    _, one = await get(gateway, "/api/shop/x")
    _, two = await get(gateway, "/api/shop/x")
    ids = {one["headers"]["x-request-id"], two["headers"]["x-request-id"]}
    traces = {one["headers"]["traceparent"], two["headers"]["traceparent"]}
    assert len(ids) == len(traces) == 2
    assert all(len(trace.split("-")[1]) == 32 and len(trace.split("-")[2]) == 16 for trace in traces)
    assert all(int(trace.split("-")[2], 16) for trace in traces)


async def test_a_clients_valid_id_and_trace_are_kept_and_others_replaced(gateway: Gateway) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    _, body = await get(gateway, "/api/shop/x", **{"X-Request-Id": "client-0001", "traceparent": trace})
    assert (body["headers"]["x-request-id"], body["headers"]["traceparent"]) == ("client-0001", trace)
    zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01"
    _, body = await get(gateway, "/api/shop/x", **{"X-Request-Id": 'a"} evil', "traceparent": zero})
    assert body["headers"]["traceparent"] != zero
    assert body["headers"]["traceparent"].split("-")[1] == body["headers"]["x-request-id"]


async def test_the_access_log_is_one_json_object_a_request(gateway: Gateway) -> None:
    await get(gateway, '/api/shop/"q"?secret=1', **{"X-Request-Id": "logged-request"})
    line = await gateway.proxy.line(lambda line: line["request_id"] == "logged-request")
    assert (line["level"], line["service"], line["status"]) == ("info", "gate", 200)
    assert (line["method"], line["path"], line["backend"], line["server"]) == (
        "GET",
        '/api/shop/"q"',
        "shop",
        "shop-1",
    )
    assert (line["subject"], line["client"]) == ("ana", "127.0.0.1")
    assert len(line["trace_id"]) == 32
    assert line["ts"].endswith("Z")
    assert len(line["ts"]) == len("2026-11-23T12:00:00.000Z")
    assert "secret" not in json.dumps(line)


async def test_the_gateway_tells_its_own_health_and_metrics(gateway: Gateway) -> None:
    async with gateway.http.get(f"{gateway.url}/health/ready") as answer:
        assert (answer.status, await answer.json()) == (
            200,
            {"status": "ready", "checks": {"verification_keys": "ok"}},
        )
    async with gateway.http.get(f"{gateway.url}/metrics") as answer:
        assert 'haproxy_backend_http_responses_total{proxy="shop"' in await answer.text()


async def test_the_gateway_tells_its_metrics_to_nobody_through_a_proxy(gateway: Gateway) -> None:
    async with gateway.http.get(f"{gateway.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"}) as answer:
        assert answer.status == 404


async def test_a_read_cut_off_by_the_upstream_is_retried_and_a_write_is_not(gateway: Gateway) -> None:
    async def cut(request: Any) -> Any:
        gateway.shop.handler = echo
        request.transport.abort()
        return await echo(request)

    token = bearer(gateway.signer.token())
    before = len(gateway.shop.seen)
    gateway.shop.handler = cut
    async with gateway.http.get(f"{gateway.url}/api/shop/x", headers=token) as answer:
        assert answer.status == 200
    assert len(gateway.shop.seen) - before == 2
    gateway.shop.handler = cut
    async with aiohttp.request("POST", f"{gateway.url}/api/shop/x", headers=token, data=b"1") as answer:
        assert answer.status == 502
        assert (await answer.json(content_type=None))["type"] == "urn:nexus:problem:bad-upstream-answer"
    assert len(gateway.shop.seen) - before == 3


async def test_a_modules_stable_port_reaches_it_without_the_gateways_rules(gateway: Gateway) -> None:
    async with gateway.http.post(f"{gateway.shop_url}/internal/x", data=b"1") as answer:
        assert (answer.status, (await answer.json())["path"]) == (200, "/internal/x")


async def test_a_stable_port_marks_its_own_answers_for_the_edge(gateway: Gateway) -> None:
    async def unavailable(request: Any) -> Any:
        return web.Response(status=503)

    async with gateway.http.get(gateway.deals_url) as answer:
        assert (answer.status, answer.headers["X-Accel-Redirect"]) == (503, "/edge/away")
    gateway.shop.handler = unavailable
    async with gateway.http.get(gateway.shop_url) as answer:
        assert answer.status == 503
        assert "X-Accel-Redirect" not in answer.headers
    gateway.shop.handler = echo
