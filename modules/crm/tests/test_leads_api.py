"""Leads and how they become customers."""


async def test_a_lead_is_qualified_and_converted_into_a_customer(firm):
    body = {"name": "João", "organisation": "Mercado Bom", "email": "joao@bom.example", "state": "MG"}
    lead = await firm.call("POST", "/leads", 201, json=body)
    path = f"/leads/{lead['id']}"
    assert lead["status"] == "new"
    assert (await firm.call("PATCH", path, json={"status": "qualified"}))["status"] == "qualified"
    refused = await firm.call("POST", f"{path}/convert", 422, json={})
    assert refused["type"].endswith("tax-id-needed")
    done = await firm.call("POST", f"{path}/convert", 201, json={"tax_id": "11.222.333/0001-81"})
    customer = done["customer"]
    assert (customer["name"], customer["email"], customer["state"]) == (
        "Mercado Bom",
        "joao@bom.example",
        "MG",
    )
    assert (done["lead"]["status"], done["lead"]["customer_id"]) == ("converted", customer["id"])
    assert len(await firm.told("customer.created", customer["id"])) == 1
    await firm.call("POST", f"{path}/convert", 409, json={"tax_id": "11.222.333/0001-81"})
    await firm.call("PATCH", path, 409, json={"name": "x"})


async def test_a_lead_of_a_known_customer_is_attached_to_it(firm):
    customer = await firm.customer()
    lead = await firm.call("POST", "/leads", 201, json={"name": "De novo", "tax_id": customer["tax_id"]})
    assert lead["tax_id"] == customer["tax_id"]
    taken = await firm.call("POST", f"/leads/{lead['id']}/convert", 409, json={})
    assert taken["type"].endswith("duplicate-tax-id")
    done = await firm.call("POST", f"/leads/{lead['id']}/convert", 201, json={"customer_id": customer["id"]})
    assert done["customer"] == customer


async def test_a_lost_lead_does_not_convert_but_may_be_opened_again(firm):
    lead = await firm.call("POST", "/leads", 201, json={"name": "Frio"})
    path = f"/leads/{lead['id']}"
    lost = await firm.call("PATCH", path, json={"status": "lost", "lost_reason": "preço"})
    assert lost["lost_reason"] == "preço"
    await firm.call("POST", f"{path}/convert", 409, json={"tax_id": firm.tax_id()})
    await firm.call("PATCH", path, json={"status": "qualified", "lost_reason": None})
    await firm.call("POST", f"{path}/convert", 201, json={"tax_id": firm.tax_id()})


async def test_converting_needs_the_right_to_make_customers(firm):
    seller = firm.module.headers(permissions=["crm.lead.*"], company_id=firm.company_id)
    lead = await firm.call("POST", "/leads", 201, json={"name": "Lead"}, headers=seller)
    await firm.call(
        "POST", f"/leads/{lead['id']}/convert", 403, json={"tax_id": firm.tax_id()}, headers=seller
    )


async def test_leads_are_listed_by_status(firm):
    made = [await firm.call("POST", "/leads", 201, json={"name": f"Lead {n}"}) for n in range(3)]
    await firm.call("PATCH", f"/leads/{made[0]['id']}", json={"status": "lost"})
    listed = await firm.call("GET", "/leads", params={"status": "new"})
    assert [lead["id"] for lead in listed["items"]] == [made[2]["id"], made[1]["id"]]
    found = await firm.call("GET", "/leads", params={"q": "LEAD 1"})
    assert [lead["id"] for lead in found["items"]] == [made[1]["id"]]
