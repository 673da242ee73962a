"""Lock-out rules."""

from nexus_auth.domain.lockout import ACCOUNT, ADDRESS, account_subject, address_subject, rule_of


def test_the_first_failures_cost_nothing_then_the_wait_doubles_up_to_the_cap():
    assert [ACCOUNT.wait(n) for n in range(1, 12)] == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]
    assert ADDRESS.wait(19) == 0
    assert ADDRESS.wait(10_000) == ADDRESS.cap


def test_an_account_is_named_by_a_digest_so_that_nothing_typed_is_kept():
    subject = account_subject("ana@example.com")
    assert "ana" not in subject
    assert subject != account_subject("eva@example.com")
    assert rule_of(subject) is ACCOUNT


def test_an_ipv6_client_cannot_escape_within_its_own_network():
    assert address_subject("2001:db8:1:2::1") == address_subject("2001:db8:1:2:ffff::9")
    assert address_subject("2001:db8:1:2::1") != address_subject("2001:db8:1:3::1")
    assert rule_of(address_subject("203.0.113.9")) is ADDRESS
