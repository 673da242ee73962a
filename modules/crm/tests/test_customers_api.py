"""Customers through the HTTP face of the real process."""

import asyncio
from uuid import uuid4

import asyncpg
from nexus_kit import new_id


async def test_a_customer_is_registered_formatted_and_announced(firm):
    body = {
        "name": "Padaria Pão Quente",
        "tax_id": "12.abc.345/01de-35",
        "email": "Compras@Pao.Example",
        "state": "sp",
    }
    made = await firm.call("POST", "/customers", 201, json=body)
    assert (made["tax_id"], made["tax_id_kind"]) == ("12.ABC.345/01DE-35", "cnpj")
    assert (made["email"], made["state"], made["status"]) == ("compras@pao.example", "SP", "active")
    assert await firm.call("GET", f"/customers/{made['id']}") == made
    assert await firm.told("customer.created", made["id"]) == [
        {
            "customer_id": made["id"],
            "name": "Padaria Pão Quente",
            "tax_id": "12ABC34501DE35",
            "email": "compras@pao.example",
            "status": "active",
        }
    ]


async def test_a_wrong_tax_id_is_refused_with_its_reason(firm):
    refused = await firm.call("POST", "/customers", 422, json={"name": "X", "tax_id": "529.982.247-26"})
    assert refused["type"].endswith("invalid-tax-id")
    assert "check digits" in refused["detail"]


async def test_two_active_customers_never_share_a_tax_id_even_when_registered_at_once(firm):
    body = {"name": "Gêmeos", "tax_id": firm.tax_id()}

    async def register() -> int:
        async with firm.module.http.post("/api/crm/customers", json=body, headers=firm.headers) as answer:
            return answer.status

    assert sorted(await asyncio.gather(*(register() for _ in range(6)))) == [201, *[409] * 5]
    refused = await firm.call("POST", "/customers", 409, json=body)
    assert refused["type"].endswith("duplicate-tax-id")


async def test_another_company_may_have_the_same_customer(firm, make_firm):
    other = await make_firm()
    body = {"name": "Comum", "tax_id": "529.982.247-25"}
    await firm.call("POST", "/customers", 201, json=body)
    await other.call("POST", "/customers", 201, json=body)


async def test_an_inactive_customer_frees_its_tax_id_and_cannot_take_it_back_while_it_is_used(firm):
    first = await firm.customer(tax_id=(tax_id := firm.tax_id()))
    await firm.call("PATCH", f"/customers/{first['id']}", json={"status": "inactive"})
    await firm.customer(tax_id=tax_id)
    refused = await firm.call("PATCH", f"/customers/{first['id']}", 409, json={"status": "active"})
    assert refused["type"].endswith("duplicate-tax-id")


async def test_the_same_request_with_one_key_makes_one_customer(firm):
    key = {"Idempotency-Key": str(uuid4())}
    body = {"name": "Uma vez", "tax_id": firm.tax_id()}
    answers = await asyncio.gather(
        *(firm.call("POST", "/customers", 201, json=body, headers=key) for _ in range(10))
    )
    assert len({answer["id"] for answer in answers}) == 1


async def test_a_change_is_announced_and_leaves_the_rest(firm):
    made = await firm.customer(email="a@b.example", city="Recife")
    changed = await firm.call("PATCH", f"/customers/{made['id']}", json={"name": "Outro", "email": None})
    assert (changed["name"], changed["email"], changed["city"]) == ("Outro", None, "Recife")
    (told,) = await firm.told("customer.updated", made["id"])
    assert (told["name"], told["email"], told["status"]) == ("Outro", None, "active")
    await firm.call("PATCH", f"/customers/{made['id']}", 422, json={"name": None})


async def test_customers_are_found_by_name_tax_id_and_email(firm):
    maria = await firm.customer("Maria José da Silva", email="maria@example.com")
    acougue = await firm.customer("AÇOUGUE SÃO JORGE", email="jorge@boi.example")

    async def found(q: str) -> list[str]:
        page = await firm.call("GET", "/customers", params={"q": q})
        return [customer["id"] for customer in page["items"]]

    both = [acougue["id"], maria["id"]]
    assert await found("") == both
    assert await found("jose") == [maria["id"]]
    assert await found("Silva") == [maria["id"]]
    assert await found("acougue sao") == [acougue["id"]]
    assert await found(maria["tax_id"]) == [maria["id"]]
    assert await found(maria["tax_id"][:10]) == both
    assert await found("jorge@") == [acougue["id"]]
    assert await found("@boi") == [acougue["id"]]
    assert await found("100%") == []
    assert await found("_") == []


async def test_lists_come_in_pages_the_newest_first(firm):
    made = [(await firm.customer(f"Cliente {n}"))["id"] for n in range(5)]
    seen: list[str] = []
    query = {"limit": 2}
    while True:
        page = await firm.call("GET", "/customers", params=query)
        seen += [customer["id"] for customer in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == made[::-1]


async def test_a_tax_id_is_validated_before_the_form_is_sent(firm):
    made = await firm.customer(tax_id="11.222.333/0001-81")
    known = await firm.call("GET", "/tax-ids/11.222.333/0001-81")
    assert (known["valid"], known["kind"], known["customer_id"]) == (True, "cnpj", made["id"])
    fresh = await firm.call("GET", "/tax-ids/12ABC34501DE35")
    assert (fresh["formatted"], fresh["customer_id"]) == ("12.ABC.345/01DE-35", None)
    wrong = await firm.call("GET", "/tax-ids/123")
    assert wrong["valid"] is False
    assert "this has 3" in wrong["reason"]


async def test_contacts_and_interactions_belong_to_a_customer(firm):
    path = f"/customers/{(await firm.customer())['id']}"
    contact = await firm.call(
        "POST", f"{path}/contacts", 201, json={"name": "Zé", "phone": "+55 11 99999-0000"}
    )
    assert (await firm.call("GET", f"{path}/contacts"))["items"] == [contact]
    visit = {"kind": "visit", "summary": "Pediu desconto.", "occurred_at": "2026-11-02T10:00:00-03:00"}
    made = await firm.call("POST", f"{path}/interactions", 201, json=visit)
    assert made["occurred_at"].startswith("2026-11-02T13:00:00")
    assert (await firm.call("GET", f"{path}/interactions"))["items"] == [made]
    await firm.call("GET", f"/customers/{new_id()}/contacts", 404)


async def test_no_company_sees_customers_of_another(firm, make_firm):
    other, made = await make_firm(), await firm.customer()
    await other.call("GET", f"/customers/{made['id']}", 404)
    await other.call("PATCH", f"/customers/{made['id']}", 404, json={"name": "x"})
    assert (await other.call("GET", "/customers"))["items"] == []
    connection = await asyncpg.connect(firm.module.app_dsn)
    try:
        for company, count in ((other.company_id, 0), (firm.company_id, 1)):
            await connection.execute("SELECT set_config('nexus.company_id', $1, false)", str(company))
            assert await connection.fetchval("SELECT count(*) FROM customers") == count
    finally:
        await connection.close()


async def test_reading_is_not_writing(firm):
    reader = firm.module.headers(permissions=["crm.customer.read"], company_id=firm.company_id)
    await firm.call("GET", "/customers", headers=reader)
    await firm.call("POST", "/customers", 403, json={"name": "X", "tax_id": firm.tax_id()}, headers=reader)


async def test_business_health_counts_tax_ids_of_more_than_one_customer(firm):
    async def duplicates() -> int:
        async with firm.module.http.get("/health/business") as answer:
            return (await answer.json())["numbers"]["duplicate_tax_ids"]

    before = await duplicates()
    first = await firm.customer(tax_id=(tax_id := firm.tax_id()))
    await firm.call("PATCH", f"/customers/{first['id']}", json={"status": "inactive"})
    second = await firm.customer(tax_id=tax_id)
    assert await duplicates() == before + 1
    await firm.call("POST", f"/customers/{second['id']}/merge", json={"duplicate_id": first["id"]})
    assert await duplicates() == before
