"""The BR Code is what the Central Bank's manual says it is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_financial.pix.brcode import br_code, crc16, field, plain

MANUAL = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***6304"
)


def parse(payload: str) -> dict[str, str]:
    """The fields of a payload by tag."""
    fields, at = {}, 0
    while at < len(payload):
        length = int(payload[at + 2 : at + 4])
        fields[payload[at : at + 2]] = payload[at + 4 : at + 4 + length]
        at += 4 + length
    return fields


def test_the_crc_is_that_of_the_standard() -> None:
    assert crc16("123456789") == "29B1"
    assert crc16(MANUAL) == "1D3D"


@given(
    st.from_regex(r"[a-f0-9]{32}", fullmatch=True),
    st.decimals(min_value="0.01", max_value="9999999999.99", places=2),
    st.text(max_size=60),
    st.text(max_size=30),
)
def test_a_payload_reads_back_as_written(txid: str, amount: Decimal, payee: str, city: str) -> None:
    code = br_code(f"pix.example.com/v2/{txid}", amount, payee, city)
    fields = parse(code)
    assert fields["54"] == f"{amount:.2f}"
    assert parse(fields["26"]) == {"00": "br.gov.bcb.pix", "25": f"pix.example.com/v2/{txid}"}
    assert fields["53"] == "986"
    assert 1 <= len(fields["59"]) <= 25
    assert 1 <= len(fields["60"]) <= 15
    assert fields["63"] == crc16(code[:-4])


def test_names_lose_their_accents_but_not_their_letters() -> None:
    assert plain("Padaria São João & Cia. Ltda", 25) == "Padaria Sao Joao Cia. Ltd"


def test_a_field_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="BR Code field 26"):
        field("26", "x" * 100)
