"""The module's business health."""


async def numbers(auth):
    _, answer = await auth.call("GET", "/health/business")
    return answer


async def test_a_few_failures_are_no_alarm_and_many_are(auth):
    for number in range(5):
        await auth.login(f"nobody{number}@example.com")
    answer = await numbers(auth)
    assert answer["ok"]
    assert answer["numbers"]["logins_15m"] == 5
    assert answer["numbers"]["login_success_ratio"] == 0
    await auth.process.admin.execute(
        "INSERT INTO login_attempts (outcome) SELECT 'wrong_password' FROM generate_series(1, 20)"
    )
    answer = await numbers(auth)
    assert (answer["ok"], answer["broken"]) == (False, ["logins_failing"])


async def test_old_failures_are_forgotten(auth):
    await auth.process.admin.execute(
        "INSERT INTO login_attempts (outcome, created_at)"
        " SELECT 'wrong_password', now() - interval '16 minutes' FROM generate_series(1, 50)"
    )
    await auth.login()
    answer = await numbers(auth)
    assert answer["ok"]
    assert (answer["numbers"]["logins_15m"], answer["numbers"]["login_success_ratio"]) == (1, 1)


async def test_mail_that_was_given_up_shows(auth):
    await auth.process.admin.execute(
        "INSERT INTO outgoing_mail (company_id, recipient, kind, state)"
        " VALUES ($1, 'x@y', 'password_reset', 'failed')",
        auth.company_id,
    )
    assert (await numbers(auth))["broken"] == ["mail_stuck"]
