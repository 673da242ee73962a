"""Companies see nothing of each other."""

from uuid import UUID, uuid4

import asyncpg

NEW = {
    "name": "Filial Sul",
    "tax_id": "12.ABC.345/01DE-35",
    "admin": {"email": "bia@sul.example.com", "name": "Bia"},
}


async def test_the_operator_creates_a_company_whose_administrator_is_invited(users):
    made = await users.good("POST", "/companies", NEW)
    assert (made["tax_id"], made["currency"]) == ("12ABC34501DE35", "BRL")
    assert made["invitation"]["token"]
    assert [role["name"] for role in made["invitation"]["roles"]] == ["Administrator"]
    [told] = await users.process.events("company.created")
    assert str(told.company_id) == told.data["company_id"] == made["id"]
    assert (await users.call("POST", "/companies", NEW))[0] == 409


async def test_another_companys_administrator_creates_none(users):
    made = await users.good("POST", "/companies", NEW)
    other = {**NEW, "tax_id": "11444777000161", "admin": {"email": "c@example.com", "name": "C"}}
    status, answer = await users.call(
        "POST", "/companies", other, company_id=UUID(made["id"]), user_id=uuid4()
    )
    assert (status, answer["type"]) == (403, "urn:nexus:problem:not-the-operator")


async def test_a_wrong_tax_id_is_refused(users):
    status, answer = await users.call("POST", "/companies", {**NEW, "tax_id": "11222333000182"})
    assert status == 422
    assert "CNPJ" in answer["detail"]


async def test_a_repeated_request_makes_one_company_and_does_not_tell_the_token_again(users):
    key = {"Idempotency-Key": str(uuid4())}
    _, first = await users.call("POST", "/companies", NEW, headers=key)
    _, again = await users.call("POST", "/companies", NEW, headers=key)
    assert first["id"] == again["id"]
    assert first["invitation"]["token"]
    assert again["invitation"]["token"] is None
    stored = await users.process.admin.fetchval(
        "SELECT string_agg(encode(body, 'escape'), '') FROM idempotency"
    )
    assert first["invitation"]["token"] not in stored


async def test_one_company_reaches_nothing_of_another(users):
    made = await users.good("POST", "/companies", NEW)
    theirs = UUID(made["id"])
    role = await users.process.admin.fetchval("SELECT id FROM roles WHERE company_id = $1", theirs)
    person = await users.person("caio@sul.example.com", str(role), company_id=theirs)
    invitation = made["invitation"]["id"]
    mine = await users.role("Mine", [])
    for method, path, body, expected in (
        ("GET", f"/{person}", None, 404),
        ("PATCH", f"/{person}", {"name": "X"}, 404),
        ("POST", f"/{person}/disable", None, 404),
        ("PUT", f"/{person}/roles", {"roles": []}, 404),
        ("PUT", f"/{users.admin_id}/roles", {"roles": [str(role)]}, 422),
        ("GET", f"/roles/{role}", None, 404),
        ("PATCH", f"/roles/{role}", {"name": "X"}, 404),
        ("DELETE", f"/roles/{role}", None, 404),
        ("PATCH", f"/roles/{mine}", {"parents": [str(role)]}, 422),
        ("DELETE", f"/invitations/{invitation}", None, 404),
        ("POST", f"/invitations/{invitation}/link", None, 404),
    ):
        assert (await users.call(method, path, body))[0] == expected, path
    listed = await users.good("GET", "", company_id=theirs, user_id=person)
    assert [one["email"] for one in listed["items"]] == ["caio@sul.example.com"]


TENANT = (
    "companies",
    "users",
    "roles",
    "user_roles",
    "invitations",
    "invitation_roles",
    "outgoing_mail",
    "outbox",
)


async def test_the_database_itself_keeps_companies_apart(users):
    await users.good("POST", "/invitations", {"email": "x@example.com", "roles": [await users.role("R", [])]})
    connection = await asyncpg.connect(users.process.app_dsn)
    try:
        for company, seen in ((users.company_id, True), (uuid4(), False), (None, False)):
            async with connection.transaction():
                if company:
                    await connection.execute(f"SET LOCAL nexus.company_id = '{company}'")
                for table in TENANT:
                    assert await connection.fetchval(f"SELECT count(*) > 0 FROM {table}") is seen, table
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"SET LOCAL nexus.company_id = '{uuid4()}'")
        try:
            await connection.execute(
                "INSERT INTO roles (company_id, name) VALUES ($1, 'Smuggled')", users.company_id
            )
        except asyncpg.InsufficientPrivilegeError as refusal:
            refused = str(refusal)
        await transaction.rollback()
        assert "row-level security" in refused
    finally:
        await connection.close()
