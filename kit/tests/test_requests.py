"""Problem details, idempotency, tokens, tenants: what every request of every module can rely on."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from nexus_kit.testing import ModuleProcess
from nexus_kit.testing.keys import KeyServer

OTHER_COMPANY = UUID("0199bbbb-0000-7000-8000-000000000002")


async def answer_of(call: Any) -> tuple[int, Any, Any]:
    async with call as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def post(echo: ModuleProcess, text: str, key: str | None = None, **who: Any) -> tuple[int, Any, Any]:
    headers = echo.headers(**who) | ({"Idempotency-Key": key} if key else {})
    return await answer_of(echo.http.post("/api/echo/notes", json={"text": text}, headers=headers))


async def test_ten_concurrent_requests_with_one_key_write_once_and_answer_alike(echo: ModuleProcess) -> None:
    answers = await asyncio.gather(*(post(echo, "once", key="k-1") for _ in range(10)))
    assert {status for status, _, _ in answers} == {201}
    assert len({body["id"] for _, body, _ in answers}) == 1
    assert sum("Idempotency-Replayed" in headers for _, _, headers in answers) == 9
    assert await echo.admin.fetchval("SELECT count(*) FROM notes") == 1
    assert await echo.admin.fetchval("SELECT count(*) FROM outbox") == 1


async def test_a_key_used_with_another_body_or_by_another_person_is_refused(echo: ModuleProcess) -> None:
    assert (await post(echo, "a", key="k-2"))[0] == 201
    status, body, _ = await post(echo, "b", key="k-2")
    assert (status, body["type"]) == (409, "urn:nexus:problem:idempotency-key-reused")
    assert (await post(echo, "a", key="k-2", user_id=uuid4()))[0] == 409
    assert (await post(echo, "a", key="k-2", company_id=OTHER_COMPANY))[0] == 201


async def test_a_failed_request_does_not_use_up_its_key(echo: ModuleProcess) -> None:
    assert (await post(echo, "taken"))[0] == 201
    status, body, _ = await post(echo, "taken", key="k-3")
    assert (status, body["field"]) == (409, "text")
    await echo.admin.execute("DELETE FROM notes")
    assert (await post(echo, "taken", key="k-3"))[0] == 201


async def test_no_tenant_sees_another_tenants_rows_even_with_a_query_that_forgot_to_ask(
    echo: ModuleProcess,
) -> None:
    _, mine, _ = await post(echo, "mine")
    status, listed, _ = await answer_of(
        echo.http.get("/api/echo/notes", headers=echo.headers(company_id=OTHER_COMPANY))
    )
    assert (status, listed["items"]) == (200, [])
    status, _, _ = await answer_of(
        echo.http.get(f"/api/echo/notes/{mine['id']}", headers=echo.headers(company_id=OTHER_COMPANY))
    )
    assert status == 404


async def test_the_database_refuses_rows_of_another_company_and_of_other_schemas(echo: ModuleProcess) -> None:
    connection = await asyncpg.connect(echo.app_dsn)
    try:
        await connection.execute(f"SELECT set_config('nexus.company_id', '{OTHER_COMPANY}', false)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connection.execute("INSERT INTO notes (company_id, text) VALUES ($1, 'x')", echo.company_id)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DROP TABLE notes")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE _prisma_migrations SET logs = 'x'")
        await echo.admin.execute(
            "CREATE SCHEMA IF NOT EXISTS foreign_module; CREATE TABLE foreign_module.t (i int)"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM foreign_module.t")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("make", "slug"),
    [
        (lambda echo: {}, "token-missing"),
        (lambda echo: {"Authorization": "Basic abc"}, "token-missing"),
        (lambda echo: {"Authorization": "Bearer not.a.token"}, "invalid-token"),
        (lambda echo: {"Authorization": "Bearer " + "x" * 20000}, "invalid-token"),
        (lambda echo: echo.headers(expires_in=-5), "token-expired"),
        (lambda echo: echo.headers(aud="other"), "invalid-token"),
        (lambda echo: echo.headers(iss="other"), "invalid-token"),
        (lambda echo: echo.headers(cid=None), "invalid-token"),
        (lambda echo: echo.headers(cid="no-uuid"), "invalid-token"),
        (lambda echo: echo.headers(cid=5), "invalid-token"),
        (lambda echo: forged(echo, "none"), "invalid-token"),
        (lambda echo: forged(echo, "HS256"), "invalid-token"),
        (lambda echo: forged(echo, "other key"), "invalid-token"),
    ],
)
async def test_a_bad_token_is_refused(echo_shared: ModuleProcess, make: Any, slug: str) -> None:
    status, body, headers = await answer_of(
        echo_shared.http.get("/api/echo/notes", headers=make(echo_shared))
    )
    assert (status, body["type"]) == (401, f"urn:nexus:problem:{slug}")
    assert headers["WWW-Authenticate"].startswith("Bearer")


def forged(echo: ModuleProcess, how: str) -> dict[str, str]:
    import jwt

    claims = jwt.decode(echo.token(), options={"verify_signature": False})
    headers = {"kid": "test-1"}
    if how == "none":
        token = jwt.encode(claims, None, algorithm="none", headers=headers)
    elif how == "HS256":
        token = jwt.encode(claims, "k" * 64, algorithm="HS256", headers=headers)
    else:
        token = KeyServerElsewhere.token()
    return {"Authorization": f"Bearer {token}"}


class KeyServerElsewhere:
    """Another issuer that uses the same key name."""

    @staticmethod
    def token() -> str:
        server = KeyServer()
        try:
            return server.token()
        finally:
            server._server.shutdown()
            server._server.server_close()


async def test_permissions_are_needed_by_name_or_wildcard(echo_shared: ModuleProcess) -> None:
    echo = echo_shared
    for permissions, expected in (
        ([], 403),
        (["sales.*"], 403),
        (["echo.note.write"], 403),
        (["echo.note.read"], 200),
        (["echo.*"], 200),
        (["echo.note.*"], 200),
        (["*"], 200),
    ):
        status, body, _ = await answer_of(echo.http.get("/api/echo/notes", headers=echo.headers(permissions)))
        assert status == expected, (permissions, body)


async def test_internal_addresses_are_for_services_and_the_others_for_people(
    echo_shared: ModuleProcess,
) -> None:
    echo = echo_shared
    assert (await answer_of(echo.http.get("/internal/whoami", headers=echo.headers())))[0] == 403
    status, body, _ = await answer_of(
        echo.http.get(
            "/internal/whoami", headers=echo.headers(service="sales") | {"X-Company-Id": str(OTHER_COMPANY)}
        )
    )
    assert (status, body) == (200, {"service": "sales", "company": str(OTHER_COMPANY)})
    assert (await answer_of(echo.http.get("/api/echo/notes", headers=echo.headers(service="sales"))))[
        0
    ] == 403


async def test_a_module_calls_another_with_its_service_token(start_echo: Any) -> None:
    first = await start_echo()
    second = await start_echo(needs={"other": first.url, "down": "http://127.0.0.1:9"})
    status, body, _ = await answer_of(second.http.get("/api/echo/relayed"))
    assert (status, body) == (
        200,
        {"status": 200, "data": {"service": "echo", "company": str(UUID(int=7))}},
    )
    for name in ("absent", "down"):
        status, body, headers = await answer_of(second.http.get(f"/api/echo/relayed?module_name={name}"))
        assert status == 503
        assert headers["Retry-After"]


async def test_an_ended_session_is_refused_within_moments(echo: ModuleProcess) -> None:
    session = uuid4()
    headers = echo.headers(session_id=session)
    assert (await answer_of(echo.http.get("/api/echo/notes", headers=headers)))[0] == 200
    await echo.publish("auth", "session.revoked", session, {"session_id": session, "user_id": uuid4()})

    async def refused() -> bool:
        status, body, _ = await answer_of(echo.http.get("/api/echo/notes", headers=headers))
        return status == 401 and body["type"].endswith("session-revoked")

    await echo.wait(refused, timeout=15)
    assert (await answer_of(echo.http.get("/api/echo/notes", headers=echo.headers())))[0] == 200


async def test_a_new_key_is_fetched_when_it_is_first_seen_and_a_withdrawn_one_counts_no_more(
    start_echo: Any, key_server: KeyServer
) -> None:
    echo = await start_echo()
    old = echo.headers()
    assert (await answer_of(echo.http.get("/api/echo/notes", headers=old)))[0] == 200
    key_server.rotate()

    async def accepted() -> bool:
        return (await answer_of(echo.http.get("/api/echo/notes", headers=echo.headers())))[0] == 200

    await echo.wait(accepted)
    status, body, _ = await answer_of(echo.http.get("/api/echo/notes", headers=old))
    assert (status, body["type"]) == (401, "urn:nexus:problem:invalid-token")  # its key is withdrawn


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/echo/notes/", 404),
        ("GET", "/api/echo/notes/%00", 422),
        ("DELETE", "/api/echo/notes", 405),
        ("GET", "/api/echo/notes/not-a-uuid", 422),
        ("GET", "/api/echo/notes?limit=100000000000000000000000", 422),
        ("GET", "/api/echo/notes?limit=%00", 422),
        ("GET", "/api/echo/notes?cursor=AAAA", 404),
        ("GET", "/api/echo/notes?cursor=%FF%FE", 404),
        ("GET", "/api/echo/search?q=%00", 422),
        ("GET", "/api/echo/search?q=%FF", 200),
        ("GET", "/api/echo/search?q=x&number=99999999999999999999", 422),
        ("GET", "/api/echo/broken", 500),
    ],
)
async def test_every_error_is_a_problem_document(
    echo_shared: ModuleProcess, method: str, path: str, status: int
) -> None:
    async with echo_shared.http.request(
        method,
        aiohttp_url(path, echo_shared),
        headers=echo_shared.headers() | {"X-Request-Id": "request-0001"},
    ) as answer:
        text = await answer.text()
        assert answer.status == status, text
        assert answer.headers["X-Request-Id"] == "request-0001"
        if status == 200:
            return
        assert answer.headers["Content-Type"] == "application/problem+json"
        body = json.loads(text)
    assert {"type", "title", "status", "detail", "instance"} <= body.keys()
    assert (body["status"], body["request_id"]) == (status, "request-0001")
    assert "secret detail" not in text


def aiohttp_url(path: str, echo: ModuleProcess) -> Any:
    from yarl import URL

    return URL(echo.url + path, encoded=True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"text": "a\\u0000b"}', 422),
        (b'{"text": "a\\\\u0000b"}', 201),
        (b'{"text": "\\ud800"}', 422),
        (b'{"\\ud800": 1, "text": "x"}', 422),
        (b'{"text": "x", "number": 99999999999999}', 422),
        (b'{"text": "x", "number": ' + b"9" * 5000 + b"}", 400),
        (b'{"text": "x", "amount": "1e999999"}', 422),
        (b'{"text": "x", "amount": NaN}', 422),
        (b'{"text": "x", "amount": "12345678901234567890.00"}', 422),
        (b'{"text": "x", "unknown": 1}', 422),
        (b"\xff\xfe", 422),
        (b"{", 422),
        (b"[" * 100000, 400),
        (b"null", 422),
        (b'"' + b"x" * 3_000_000 + b'"', 413),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_hostile_body_is_the_clients_mistake(
    echo_shared: ModuleProcess, body: bytes, status: int
) -> None:
    headers = echo_shared.headers() | {"Content-Type": "application/json"}
    async with echo_shared.http.post("/api/echo/notes", data=io.BytesIO(body), headers=headers) as answer:
        text = await answer.text()
        assert answer.status == status, text
        if status != 201:
            assert answer.headers["Content-Type"] == "application/problem+json"
        json.loads(text)


async def test_a_list_is_read_page_by_page(echo: ModuleProcess) -> None:
    await echo.admin.execute(
        "INSERT INTO notes (company_id, text) SELECT $1, 'note ' || i FROM generate_series(1, 25) i",
        echo.company_id,
    )
    seen: list[str] = []
    cursor = ""
    while True:
        _, page, _ = await answer_of(
            echo.http.get(f"/api/echo/notes?limit=10{cursor}", headers=echo.headers())
        )
        seen += [item["text"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"note {i}" for i in range(1, 26)]


async def test_the_openapi_document_names_every_problem(echo_shared: ModuleProcess) -> None:
    _, document, _ = await answer_of(echo_shared.http.get("/openapi.json"))
    operation = document["paths"]["/api/echo/notes"]["post"]
    assert {"201", "401", "403", "404", "409", "422", "503"} <= operation["responses"].keys()
    assert list(operation["responses"]["422"]["content"]) == ["application/problem+json"]
    async with echo_shared.http.delete("/api/echo/notes") as answer:
        assert answer.headers["Allow"] == "GET, POST"
    assert operation["security"] == [{"bearer": []}]
    assert "security" not in document["paths"]["/api/echo/open"]["get"]


async def test_the_trace_of_a_request_is_in_the_log_and_in_the_event(echo: ModuleProcess) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with echo.http.post(
        "/api/echo/notes", json={"text": "traced"}, headers=echo.headers() | {"traceparent": trace}
    ) as answer:
        assert answer.status == 201
    (event,) = await echo.events("note.created")
    assert event.trace is not None
    assert event.trace[3:35] == trace[3:35]

    async def written() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in echo.logs().split("\n") if line]
        return [line for line in lines if line["message"] == "request" and line["status"] == 201]

    (line,) = await echo.wait(written)
    assert line["trace_id"] == trace[3:35]
    assert {"ts", "level", "service", "release", "instance", "span_id", "route", "ms"} <= line.keys()
