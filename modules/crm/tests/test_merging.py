"""Merging duplicates."""

import asyncio

from nexus_kit import new_id


async def test_what_belonged_to_the_duplicate_moves_and_the_merge_is_announced(firm):
    kept, duplicate = await firm.customer("Fica"), await firm.customer("Sai", email="sai@example.com")
    of_duplicate = f"/customers/{duplicate['id']}"
    contact = await firm.call("POST", f"{of_duplicate}/contacts", 201, json={"name": "Zé"})
    note = await firm.call(
        "POST", f"{of_duplicate}/interactions", 201, json={"kind": "note", "summary": "ok"}
    )
    lead = await firm.call("POST", "/leads", 201, json={"name": "Lead"})
    await firm.call("POST", f"/leads/{lead['id']}/convert", 201, json={"customer_id": duplicate["id"]})

    merged = await firm.call("POST", f"/customers/{kept['id']}/merge", json={"duplicate_id": duplicate["id"]})
    assert (merged["id"], merged["name"], merged["email"]) == (kept["id"], "Fica", "sai@example.com")
    closed = await firm.call("GET", of_duplicate)
    assert (closed["status"], closed["merged_into"]) == ("merged", kept["id"])
    of_kept = f"/customers/{kept['id']}"
    assert [c["id"] for c in (await firm.call("GET", f"{of_kept}/contacts"))["items"]] == [contact["id"]]
    assert [i["id"] for i in (await firm.call("GET", f"{of_kept}/interactions"))["items"]] == [note["id"]]
    assert (await firm.call("GET", f"/leads/{lead['id']}"))["customer_id"] == kept["id"]
    expected = {"customer_id": kept["id"], "duplicate_id": duplicate["id"]}
    assert await firm.told("customer.merged", kept["id"]) == [expected]
    assert [c["id"] for c in (await firm.call("GET", "/customers"))["items"]] == [kept["id"]]


async def test_a_merged_customer_takes_nothing_any_more(firm):
    kept, duplicate = await firm.customer(), await firm.customer()
    merge = {"duplicate_id": duplicate["id"]}
    await firm.call("POST", f"/customers/{kept['id']}/merge", json=merge)
    await firm.call("POST", f"/customers/{kept['id']}/merge", 409, json=merge)
    path = f"/customers/{duplicate['id']}"
    await firm.call("PATCH", path, 409, json={"name": "x"})
    await firm.call("POST", f"{path}/contacts", 409, json={"name": "x"})
    await firm.call("POST", f"{path}/merge", 409, json={"duplicate_id": kept["id"]})


async def test_a_chain_of_merges_ends_at_the_last_customer(firm):
    first, second, third = [await firm.customer() for _ in range(3)]
    await firm.call("POST", f"/customers/{second['id']}/merge", json={"duplicate_id": first["id"]})
    await firm.call("POST", f"/customers/{third['id']}/merge", json={"duplicate_id": second["id"]})
    assert (await firm.call("GET", f"/customers/{first['id']}"))["merged_into"] == third["id"]


async def test_a_customer_is_not_merged_into_itself_or_with_a_stranger(firm, make_firm):
    made, foreign = await firm.customer(), await (await make_firm()).customer()
    path = f"/customers/{made['id']}/merge"
    await firm.call("POST", path, 422, json={"duplicate_id": made["id"]})
    await firm.call("POST", path, 404, json={"duplicate_id": str(new_id())})
    await firm.call("POST", path, 404, json={"duplicate_id": foreign["id"]})


async def test_two_opposite_merges_at_once_leave_one_customer(firm):
    one, other = await firm.customer(), await firm.customer()

    async def merge(kept: str, duplicate: str) -> int:
        path = f"/api/crm/customers/{kept}/merge"
        body = {"duplicate_id": duplicate}
        async with firm.module.http.post(path, json=body, headers=firm.headers) as answer:
            return answer.status

    statuses = await asyncio.gather(merge(one["id"], other["id"]), merge(other["id"], one["id"]))
    assert sorted(statuses) == [200, 409]
    assert len((await firm.call("GET", "/customers"))["items"]) == 1
