"""Password rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_auth.domain.passwords import WeakPassword, check_strength, normalised


@pytest.mark.parametrize(
    "password",
    ["curta", "aaaaaaaaaaaa", "abcdefghijklm", "senha123456", "Password123!", "x" * 129, "Mariana.Souza1"],
)
def test_a_weak_password_is_refused(password):
    with pytest.raises(WeakPassword):
        check_strength(password, "mariana.souza@example.com", "Mariana Souza")


@pytest.mark.parametrize("password", ["cavalo bateria grampo", "Tr0pical-Manga-77", "ñandú corre à noite"])
def test_a_long_unguessable_password_is_accepted_without_rules_of_composition(password):
    check_strength(password, "ana@example.com", "Ana")


@given(st.text(max_size=200))
def test_any_text_is_judged_without_failing(password):
    refused = ""
    try:
        check_strength(password, "ana@example.com", None)
    except WeakPassword as weakness:
        refused = str(weakness)
    assert refused or 10 <= len(normalised(password)) <= 128


def test_the_same_characters_typed_on_another_keyboard_are_the_same_password():
    assert normalised("a\u0301guas-claras") == normalised("\u00e1guas-claras")
