"""CPF and CNPJ, the alphanumeric CNPJ included."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nexus_crm.tax_ids import InvalidTaxId, cnpj_digits, cpf_digits, normalise, parse

CNPJ_CHARACTERS = string.digits + string.ascii_uppercase


@pytest.mark.parametrize(
    ("written", "kind", "value", "formatted"),
    [
        ("529.982.247-25", "cpf", "52998224725", "529.982.247-25"),
        ("11144477735", "cpf", "11144477735", "111.444.777-35"),
        ("11.222.333/0001-81", "cnpj", "11222333000181", "11.222.333/0001-81"),
        ("12ABC34501DE35", "cnpj", "12ABC34501DE35", "12.ABC.345/01DE-35"),
        ("12.abc.345/01de-35", "cnpj", "12ABC34501DE35", "12.ABC.345/01DE-35"),
    ],
)
def test_a_valid_tax_id_is_normalised_and_formatted(written, kind, value, formatted):
    tax_id = parse(written)
    assert (tax_id.kind, tax_id.value, tax_id.formatted) == (kind, value, formatted)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("529.982.247-26", "check digits"),
        ("12ABC34501DE36", "check digits"),
        ("111.111.111-11", "repeated"),
        ("00000000000000", "repeated"),
        ("5299822472A", "only digits"),
        ("12ABC34501DEA5", "last two"),
        ("12ÃBC34501DE35", "letters A to Z"),
        ("123", "this has 3"),
        ("", "this has 0"),
    ],
)
def test_an_invalid_tax_id_says_why(written, why):
    with pytest.raises(InvalidTaxId, match=why):
        parse(written)


@given(st.text(string.digits, min_size=9, max_size=9))
def test_a_cpf_with_its_check_digits_is_valid_and_formatting_is_undone_by_normalising(base):
    value = base + cpf_digits(base)
    assume(len(set(value)) > 1)
    assert normalise(parse(value).formatted) == value


@given(
    st.text(CNPJ_CHARACTERS, min_size=12, max_size=12), st.integers(0, 11), st.sampled_from(CNPJ_CHARACTERS)
)
def test_a_cnpj_with_one_wrong_character_of_another_value_is_found_unless_both_sums_agree(base, place, other):
    value = base + cnpj_digits(base)
    assume(len(set(value)) > 1)
    assert parse(value).value == value
    wrong = base[:place] + other + base[place + 1 :]
    if cnpj_digits(wrong) != cnpj_digits(base):
        with pytest.raises(InvalidTaxId):
            parse(wrong + value[12:])
