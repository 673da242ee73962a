"""CNPJ check digits."""

import pytest
from nexus_users.domain.cnpj import is_valid, plain


@pytest.mark.parametrize("text", ["11.222.333/0001-81", "12.ABC.345/01DE-35", "12abc34501de35"])
def test_numeric_and_alphanumeric_numbers_with_right_check_digits_are_valid(text):
    assert is_valid(plain(text))


@pytest.mark.parametrize(
    "text", ["11222333000182", "12ABC34501DE36", "00000000000000", "123", "12ABC34501DEAB", ""]
)
def test_a_wrong_number_is_not(text):
    assert not is_valid(plain(text))
