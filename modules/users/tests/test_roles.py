"""Roles and what they grant."""

from uuid import uuid4


async def permissions(users, user_id) -> list[str]:
    return (await users.good("GET", f"/{user_id}"))["permissions"]


async def test_effective_permissions_are_the_sum_over_all_roles_and_ancestors(users):
    base = await users.role("Base", ["crm.customer.read"])
    left = await users.role("Left", ["sales.order.read"], [base])
    right = await users.role("Right", ["sales.order.write"], [base])
    top = await users.role("Top", ["financial.*"], [left, right])
    other = await users.role("Other", ["inventory.stock.read"])
    ana = await users.person("ana@example.com", top, other)
    assert await permissions(users, ana) == [
        "crm.customer.read",
        "financial.*",
        "inventory.stock.read",
        "sales.order.read",
        "sales.order.write",
    ]
    [role] = [one for one in (await users.good("GET", "/roles"))["items"] if one["name"] == "Top"]
    assert (role["permissions"], role["members"], sorted(role["parents"])) == (
        ["financial.*"],
        1,
        sorted([left, right]),
    )
    assert len(role["effective"]) == 4


async def test_changing_a_role_tells_of_its_members_and_those_of_its_heirs_and_of_nobody_else(users):
    base = await users.role("Base", ["crm.customer.read"])
    heir = await users.role("Heir", [], [base])
    covered = await users.role("Covered", ["sales.order.read"], [base])
    ana, bia = await users.person("ana@example.com", base), await users.person("bia@example.com", heir)
    await users.person("caio@example.com", covered)
    await users.person("davi@example.com")
    await users.good("PATCH", f"/roles/{base}", {"permissions": ["crm.customer.read", "sales.order.read"]})
    events = await users.process.events("user.permissions_changed", 2)
    assert {event.data["user_id"] for event in events} == {str(ana), str(bia)}
    for event in events:
        assert event.data["permissions"] == ["crm.customer.read", "sales.order.read"]
        assert event.data["revision"] == 1
    assert await users.process.admin.fetchval(
        "SELECT count(*) = 2 FROM outbox WHERE type = 'user.permissions_changed'"
    )


async def test_giving_and_taking_roles_tells_of_the_person(users):
    role = await users.role("Sales", ["sales.*"])
    ana = await users.person("ana@example.com")
    await users.good("PUT", f"/{ana}/roles", {"roles": [role, role]})
    await users.good("PUT", f"/{ana}/roles", {"roles": [role]})
    await users.good("PUT", f"/{ana}/roles", {"roles": []})
    given, taken = await users.process.events("user.permissions_changed", 2)
    assert (given.data["permissions"], taken.data["permissions"]) == (["sales.*"], [])
    assert given.data["revision"] < taken.data["revision"]


async def test_a_role_never_inherits_from_itself(users):
    a = await users.role("A", [])
    b = await users.role("B", [], [a])
    c = await users.role("C", [], [b])
    status, answer = await users.call("PATCH", f"/roles/{a}", {"parents": [c]})
    assert (status, answer["type"]) == (409, "urn:nexus:problem:role-circle")
    assert "A -> C -> B -> A" in answer["detail"]
    assert (await users.call("PATCH", f"/roles/{a}", {"parents": [a]}))[0] == 409
    assert (await users.good("GET", f"/roles/{a}"))["parents"] == []


async def test_two_changes_at_once_cannot_close_a_circle(users):
    import asyncio

    a, b = await users.role("A", []), await users.role("B", [])
    answers = await asyncio.gather(
        users.call("PATCH", f"/roles/{a}", {"parents": [b]}),
        users.call("PATCH", f"/roles/{b}", {"parents": [a]}),
    )
    assert sorted(status for status, _ in answers) == [200, 409]


async def test_a_role_in_use_and_the_built_in_one_are_kept(users):
    role = await users.role("Sales", ["sales.*"])
    heir = await users.role("Heir", [], [role])
    await users.person("ana@example.com", heir)
    for one in (role, heir, await users.administrator_role()):
        assert (await users.call("DELETE", f"/roles/{one}"))[0] == 409
    builtin = await users.administrator_role()
    assert (await users.call("PATCH", f"/roles/{builtin}", {"permissions": []}))[0] == 409
    unused = await users.role("Unused", [], [role])
    assert (await users.call("DELETE", f"/roles/{unused}"))[0] == 204
    assert (await users.call("GET", f"/roles/{unused}"))[0] == 404


async def test_the_permissions_of_the_last_administrator_cannot_be_taken_through_a_role(users):
    role = await users.role("Boss", ["*"])
    boss = await users.person("boss@example.com", role)
    await users.good("POST", f"/{users.admin_id}/disable", user_id=boss)
    status, answer = await users.call("PATCH", f"/roles/{role}", {"permissions": ["sales.*"]}, user_id=boss)
    assert (status, answer["type"]) == (409, "urn:nexus:problem:last-admin")


async def test_unknown_parents_bad_names_and_taken_names_are_refused(users):
    await users.role("Sales", [])
    assert (await users.call("POST", "/roles", {"name": "X", "parents": [str(uuid4())]}))[0] == 422
    assert (await users.call("POST", "/roles", {"name": "X", "permissions": ["Sales Order"]}))[0] == 422
    status, answer = await users.call("POST", "/roles", {"name": "Sales"})
    assert (status, answer["field"]) == (409, "name")
