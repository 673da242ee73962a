"""Settings of the module."""

import pytest
from nexus_auth.policy import Policy


def test_durations_come_from_the_environment():
    policy = Policy.from_env({"AUTH_ACCESS_TTL": "60", "OTHER": "x"})
    assert (policy.access_ttl, policy.reset_ttl) == (60, 1800)


@pytest.mark.parametrize("text", ["", "0", "-1", "ten", "1.5"])
def test_a_useless_duration_is_refused_by_name(text):
    with pytest.raises(ValueError, match="AUTH_RESET_TTL"):
        Policy.from_env({"AUTH_RESET_TTL": text})


def test_tokens_that_outlive_the_memory_of_ended_sessions_are_refused():
    with pytest.raises(ValueError, match="AUTH_ACCESS_TTL"):
        Policy.from_env({"AUTH_ACCESS_TTL": "901"})
