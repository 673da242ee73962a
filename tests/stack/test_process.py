"""The business process from quote to ledger, and who may see and do what, on the whole ERP."""

from __future__ import annotations

import json

import aiohttp
import asyncpg
import pytest

from nexus.testing import ThrowawayStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


async def _session(stack: ThrowawayStack) -> aiohttp.ClientSession:
    """A logged-in administrator at the edge."""
    base = stack.address("nginx")
    body = {"email": "admin@nexus.local", "password": stack.admin_password()}
    async with aiohttp.ClientSession() as http, http.post(f"{base}/api/auth/login", json=body) as answer:
        assert answer.status == 200, await answer.text()
        token = (await answer.json())["access_token"]
    return aiohttp.ClientSession(base_url=base, headers={"Authorization": f"Bearer {token}"})


def test_orders_go_from_quote_to_ledger_and_the_books_are_clean(erp: ThrowawayStack) -> None:
    report = json.loads(erp.nexus("simulate", "--orders", "60", "--seed", "4", "--json"))
    assert report["orders"]["failed"] == 0
    assert report["orders"]["completed"] >= 50
    assert report["invariants_ok"]
    check = json.loads(erp.nexus("check", "--json"))
    assert check["ok"]
    assert {"name", "ok", "rows", "ms"} <= set(check["invariants"][0])


async def test_the_same_order_posted_ten_times_with_one_key_is_one_order(erp: ThrowawayStack) -> None:
    import asyncio

    async with await _session(erp) as http:
        customer = (await (await http.get("/api/crm/customers?limit=1")).json())["items"][0]
        product = (await (await http.get("/api/inventory/products?limit=1")).json())["items"][0]
        body = {
            "customer_id": customer["id"],
            "lines": [{"product_id": product["id"], "quantity": "1"}],
            "quote": True,
        }

        async def post() -> str:
            headers = {"Idempotency-Key": "ten-times-the-same"}
            async with http.post("/api/sales/orders", json=body, headers=headers) as answer:
                assert answer.status == 201, await answer.text()
                return str((await answer.json())["id"])

        assert len(set(await asyncio.gather(*(post() for _ in range(10))))) == 1


async def test_the_gateway_lets_nobody_in_without_a_valid_token(erp: ThrowawayStack) -> None:
    base = erp.address("nginx")
    async with await _session(erp) as http:
        good = http.headers["Authorization"].removeprefix("Bearer ")
    head, payload, signature = good.split(".")
    forged = [
        "",
        "nonsense",
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.",
        f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{payload}.{signature}",
    ]
    async with aiohttp.ClientSession() as http:
        for token in forged:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with http.get(f"{base}/api/sales/orders", headers=headers) as answer:
                assert answer.status == 401, token
                assert answer.content_type == "application/problem+json"
        async with http.get(f"{base}/internal/token") as answer:
            assert answer.status == 404
        async with http.get(f"{base}/api/unknown", headers={"Authorization": f"Bearer {good}"}) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    ("module", "other"), [("sales", "financial"), ("crm", "auth"), ("inventory", "sales")]
)
async def test_a_modules_database_role_cannot_read_another_schema(
    erp: ThrowawayStack, module: str, other: str
) -> None:
    dsn = (erp.home / "secrets" / module / "database_url").read_text().strip()
    connection = await asyncpg.connect(dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"SELECT * FROM {other}.outbox LIMIT 1")
    finally:
        await connection.close()


async def test_the_secrets_are_readable_by_their_owner_alone(erp: ThrowawayStack) -> None:
    files = [path for path in (erp.home / "secrets").rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if path.stat().st_mode & 0o077] == []
