"""Lock-out as clients meet it."""

import asyncio

WRONG = "not this one at all"


async def fail(auth, times: int, email: str, **headers):
    return [(await auth.login(email, WRONG, **headers))[0] for _ in range(times)]


async def test_five_failures_lock_an_account_whether_it_exists_or_not(auth):
    for email in (auth.email, "nobody@example.com"):
        assert await fail(auth, 6, email) == [401] * 5 + [429]
    async with auth.process.http.post(
        "/api/auth/login", json={"email": auth.email, "password": auth.password}
    ) as answer:
        assert answer.status == 429
        assert 25 <= int(answer.headers["Retry-After"]) <= 30
        assert (await answer.json())["retry_after"] == int(answer.headers["Retry-After"])


async def test_each_further_failure_doubles_the_wait(auth):
    await fail(auth, 5, auth.email)
    for expected in (60, 120):
        await auth.process.admin.execute("UPDATE login_throttles SET locked_until = now()")
        assert await fail(auth, 1, auth.email) == [401]
        left = await auth.process.admin.fetchval(
            "SELECT extract(epoch FROM max(locked_until) - now())::int FROM login_throttles"
        )
        assert expected - 2 <= left <= expected


async def test_the_right_password_after_the_lock_clears_the_count(auth):
    await fail(auth, 5, auth.email)
    await auth.process.admin.execute("UPDATE login_throttles SET locked_until = now()")
    assert (await auth.login())[0] == 200
    assert await fail(auth, 4, auth.email) == [401] * 4
    assert (await auth.login())[0] == 200


async def test_an_address_that_tries_many_accounts_is_locked_and_others_are_not(auth):
    guesser = {"X-Forwarded-For": "203.0.113.66"}
    for number in range(20):
        await fail(auth, 1, f"guess{number}@example.com", **guesser)
    assert (await auth.login(**guesser))[0] == 429
    assert (await auth.login(**{"X-Forwarded-For": "203.0.113.67"}))[0] == 200


async def test_guesses_sent_all_at_once_do_not_slip_past_the_lock(auth):
    answers = await asyncio.gather(*(auth.login(password=f"{WRONG} {n}") for n in range(40)))
    statuses = [status for status, _ in answers]
    assert statuses.count(401) <= 5 + 1
    assert set(statuses) == {401, 429}


async def test_a_password_change_by_guessing_the_current_one_meets_the_same_lock(auth):
    body = {"current_password": WRONG, "new_password": "outra senha bem comprida"}
    statuses = [(await auth.post("/api/auth/password/change", body, **auth.bearer()))[0] for _ in range(6)]
    assert statuses == [401] * 5 + [429]
