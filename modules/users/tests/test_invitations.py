"""Invitations: into the company, once, within their term."""

import asyncio
from pathlib import Path
from uuid import UUID

EMAIL = "ana@example.com"


async def invite(users, email: str = EMAIL, **more):
    return await users.good("POST", "/invitations", {"email": email, **more})


async def test_the_invited_person_gets_a_letter_and_only_a_hash_of_the_token_stays(users):
    made = await invite(users, name="Ana")

    async def sent() -> list[Path]:
        return list((users.state / "mail").glob("*.eml"))

    [letter] = await users.process.wait(sent)
    assert letter.stat().st_mode & 0o777 == 0o600
    assert made["token"] in letter.read_text()
    await users.process.wait(
        lambda: users.process.admin.fetchval("SELECT sealed_values IS NULL FROM outgoing_mail")
    )
    rows = await users.process.admin.fetch(
        "SELECT i::text || m::text AS row FROM invitations i, outgoing_mail m"
    )
    assert made["token"] not in rows[0]["row"]
    assert made["token"] not in users.process.logs()
    [listed] = (await users.good("GET", "/invitations?state=pending"))["items"]
    assert "token" not in listed


async def test_one_address_has_one_open_invitation_and_a_user_none(users):
    await invite(users)
    status, answer = await users.call("POST", "/invitations", {"email": "ANA@example.com"})
    assert (status, answer["type"]) == (409, "urn:nexus:problem:invitation-pending")
    assert (await users.call("POST", "/invitations", {"email": users.email}))[0] == 409


async def test_an_invitation_past_its_term_is_closed_by_itself(start_users):
    users = await start_users()
    made = await invite(users)
    await users.process.kill()
    await users.process.admin.execute("UPDATE invitations SET expires_at = now() - interval '2 minutes'")
    held = users.process.admin.transaction()
    await held.start()
    await users.process.admin.execute("SELECT FROM invitations FOR UPDATE")  # so that none is closed yet
    await users.process.restart()
    _, health = await users.call("GET", "/health/business")
    assert (health["ok"], health["broken"]) == (False, ["invitations_past_term"])
    await held.rollback()
    await users.process.wait(
        lambda: users.process.admin.fetchval("SELECT state = 'expired' FROM invitations")
    )
    _, health = await users.call("GET", "/health/business")
    assert (health["ok"], health["numbers"]["invitations_past_term"]) == (True, 0)
    assert (await users.call("POST", f"/invitations/{made['id']}/link"))[0] == 409
    await invite(users)


async def test_a_revoked_invitation_opens_nothing(together):
    made = await invite(together.users)
    assert (await together.users.call("DELETE", f"/invitations/{made['id']}"))[0] == 204
    assert (await together.users.call("DELETE", f"/invitations/{made['id']}"))[0] == 409
    assert (await together.accept(made["token"]))[0] == 404


async def test_accepting_makes_a_user_who_can_sign_in_with_the_roles_of_the_invitation(together):
    users = together.users
    role = await users.role("Sales", ["sales.*"])
    made = await invite(users, roles=[role])
    status, joined = await together.accept(made["token"])
    assert (status, joined["email"], joined["company_id"]) == (201, EMAIL, str(users.company_id))
    status, session = await together.sign_in(EMAIL)
    assert status == 200
    assert session["user"]["permissions"] == ["sales.*"]
    assert session["user"]["id"] == joined["user_id"]
    [told] = await users.process.events("user.created")
    assert told.data == {
        "user_id": joined["user_id"],
        "email": EMAIL,
        "name": "Ana Souza",
        "permissions": ["sales.*"],
        "revision": 0,
    }
    assert (await together.accept(made["token"]))[0] == 404


async def test_accepting_ten_times_at_once_makes_one_user(together):
    made = await invite(together.users)
    answers = await asyncio.gather(*(together.accept(made["token"]) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [201] + [404] * 9
    assert (await together.sign_in(EMAIL))[0] == 200


async def test_a_weak_password_leaves_the_invitation_open(together):
    made = await invite(together.users)
    status, answer = await together.accept(made["token"], password="password123")
    assert (status, answer["type"]) == (422, "urn:nexus:problem:weak-password")
    assert (await together.accept(made["token"]))[0] == 201


async def test_while_sign_in_is_down_nobody_joins_and_later_they_do(own_together):
    together = own_together
    made = await invite(together.users)
    await together.auth.kill()
    assert (await together.accept(made["token"]))[0] == 503
    assert await together.users.process.admin.fetchval("SELECT count(*) FROM users WHERE NOT synthetic") == 1
    await together.auth.restart()
    assert (await together.accept(made["token"]))[0] == 201


async def test_a_new_link_voids_the_former_one(together):
    made = await invite(together.users)
    fresh = await together.users.good("POST", f"/invitations/{made['id']}/link")
    assert (await together.accept(made["token"]))[0] == 404
    assert (await together.accept(fresh["token"]))[0] == 201


async def test_a_new_companys_administrator_joins_and_rules_there_only(together):
    body = {
        "name": "Filial Sul",
        "tax_id": "12ABC34501DE35",
        "admin": {"email": EMAIL, "name": "Ana"},
    }
    made = await together.users.good("POST", "/companies", body)
    assert (await together.accept(made["invitation"]["token"]))[0] == 201
    _, session = await together.sign_in(EMAIL)
    assert session["user"]["company_id"] == made["id"]
    assert session["user"]["permissions"] == ["*"]
    theirs = await together.users.good(
        "GET", "", company_id=UUID(made["id"]), user_id=UUID(session["user"]["id"])
    )
    assert [one["email"] for one in theirs["items"]] == [EMAIL]
