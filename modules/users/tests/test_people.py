"""People of a company."""

import asyncio
from uuid import uuid4

import pytest


async def test_the_first_company_and_its_administrator_are_there_once_however_often_the_module_starts(
    start_users,
):
    users = await start_users()
    await users.process.kill()
    await users.process.restart()
    me = await users.good("GET", "/me")
    assert (me["email"], me["name"], me["permissions"]) == ("admin@nexus.local", "Ada Admin", ["*"])
    assert me["company"]["tax_id"] == "11222333000181"
    assert [role["name"] for role in me["roles"]] == ["Administrator"]
    counts = await users.process.admin.fetchrow(
        "SELECT (SELECT count(*) FROM companies WHERE NOT synthetic),"
        " (SELECT count(*) FROM users WHERE NOT synthetic), (SELECT count(*) FROM outbox)"
    )
    assert tuple(counts) == (1, 1, 2)
    [company] = await users.process.events("company.created")
    assert company.data == {
        "company_id": str(users.company_id),
        "name": "Loja Exemplo",
        "tax_id": "11222333000181",
        "currency": "BRL",
    }
    [created] = await users.process.events("user.created")
    assert created.data["permissions"] == ["*"]


async def test_people_are_listed_in_pages_and_found_by_name_or_address(users):
    for number in range(5):
        await users.person(f"p{number}@example.com")
    await users.person("100%_real@example.com")
    seen, cursor = [], None
    while True:
        page = await users.good("GET", "?limit=3" + (f"&cursor={cursor}" if cursor else ""))
        seen += [one["email"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7
    found = await users.good("GET", "?q=P3@")
    assert [one["email"] for one in found["items"]] == ["p3@example.com"]
    assert len((await users.good("GET", "?q=%25_"))["items"]) == 1


async def test_a_disabled_person_is_told_of_and_comes_back(users):
    user_id = await users.person("ana@example.com")
    first = await users.good("POST", f"/{user_id}/disable")
    assert (first["state"], first["disabled_at"] is not None) == ("disabled", True)
    assert (await users.good("POST", f"/{user_id}/disable"))["disabled_at"] == first["disabled_at"]
    assert (await users.good("POST", f"/{user_id}/enable"))["disabled_at"] is None
    [off] = await users.process.events("user.disabled")
    [on] = await users.process.events("user.enabled")
    assert off.data["user_id"] == on.data["user_id"] == str(user_id)
    assert off.data["revision"] < on.data["revision"]


async def test_a_change_of_name_or_address_is_told_of_once(users):
    user_id = await users.person("ana@example.com")
    for _ in range(2):
        changed = await users.good("PATCH", f"/{user_id}", {"name": "Ana B.", "email": "ANA.B@example.com"})
    assert (changed["name"], changed["email"]) == ("Ana B.", "ana.b@example.com")
    [event] = await users.process.events("user.updated")
    assert (event.data["email"], event.data["revision"]) == ("ana.b@example.com", 1)
    status, answer = await users.call("PATCH", f"/{user_id}", {"email": users.email})
    assert (status, answer["field"]) == (409, "email")


async def test_the_last_administrator_cannot_be_disabled_or_demoted(users):
    for method, path, body in (
        ("POST", f"/{users.admin_id}/disable", None),
        ("PUT", f"/{users.admin_id}/roles", {"roles": []}),
    ):
        status, answer = await users.call(method, path, body)
        assert (status, answer["type"]) == (409, "urn:nexus:problem:last-admin")
    second = await users.person("bia@example.com", await users.administrator_role())
    await users.good("POST", f"/{users.admin_id}/disable")
    assert (await users.call("PUT", f"/{second}/roles", {"roles": []}))[0] == 409


async def test_two_administrators_disabling_each_other_at_once_leave_one(users):
    second = await users.person("bia@example.com", await users.administrator_role())
    answers = await asyncio.gather(
        users.call("POST", f"/{users.admin_id}/disable", user_id=second),
        users.call("POST", f"/{second}/disable"),
    )
    assert sorted(status for status, _ in answers) == [200, 409]


async def test_nobody_reaches_beyond_their_own_permissions(users):
    admins = await users.administrator_role()
    clerk = {"user_id": await users.person("clerk@example.com"), "permissions": ["users.*", "crm.*"]}
    target = await users.person("ana@example.com")
    sales = await users.role("Sales", ["sales.*"])
    for method, path, body in (
        ("PUT", f"/{target}/roles", {"roles": [admins]}),
        ("PUT", f"/{target}/roles", {"roles": [sales]}),
        ("POST", f"/{users.admin_id}/disable", None),
        ("PATCH", f"/{users.admin_id}", {"email": "mine@example.com"}),
        ("POST", "/roles", {"name": "All", "permissions": ["*"]}),
        ("POST", "/roles", {"name": "Heir", "parents": [sales]}),
        ("PATCH", f"/roles/{sales}", {"permissions": []}),
        ("POST", "/invitations", {"email": "x@example.com", "roles": [admins]}),
    ):
        status, answer = await users.call(method, path, body, **clerk)
        assert (status, answer["type"]) == (403, "urn:nexus:problem:beyond-your-permissions"), path
    await users.good("POST", "/roles", {"name": "Desk", "permissions": ["crm.lead.read"]}, **clerk)


async def test_each_operation_needs_its_permission(users):
    role = await users.role("Sales", ["sales.*"])
    for method, path, body in (
        ("GET", "", None),
        ("GET", f"/{users.admin_id}", None),
        ("PATCH", f"/{users.admin_id}", {"name": "X"}),
        ("POST", f"/{users.admin_id}/disable", None),
        ("PUT", f"/{users.admin_id}/roles", {"roles": []}),
        ("GET", "/roles", None),
        ("DELETE", f"/roles/{role}", None),
        ("POST", "/invitations", {"email": "x@example.com"}),
        ("PATCH", "/companies/current", {"name": "X"}),
    ):
        status, _ = await users.call(method, path, body, permissions=["sales.*"])
        assert status == 403, path
    assert (await users.call("GET", "/companies/current", permissions=[]))[0] == 200


async def test_a_repeated_request_with_one_key_is_carried_out_once(users):
    body, key = {"name": "Sales", "permissions": ["sales.*"]}, {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(*(users.call("POST", "/roles", body, headers=key) for _ in range(10)))
    assert {status for status, _ in answers} == {201}
    assert len({answer["id"] for _, answer in answers}) == 1


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "a\nb"}, {"email": "no address"}, {"extra": 1}])
async def test_a_malformed_change_is_refused(users, body):
    assert (await users.call("PATCH", f"/{users.admin_id}", body))[0] == 422
