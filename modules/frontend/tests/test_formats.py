from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_frontend import formats

ZONE = ZoneInfo("America/Sao_Paulo")


@pytest.mark.parametrize(
    ("value", "portuguese", "english"),
    [
        ("1234.56", "R$\u00a01.234,56", "R$1,234.56"),
        ("0", "R$\u00a00,00", "R$0.00"),
        ("-15.5", "-R$\u00a015,50", "-R$15.50"),
        ("1234567.005", "R$\u00a01.234.567,01", "R$1,234,567.01"),
        (None, "R$\u00a00,00", "R$0.00"),
    ],
)
def test_money_is_written_as_each_country_writes_it(value: object, portuguese: str, english: str) -> None:
    assert formats.money(value, "pt-BR") == portuguese
    assert formats.money(value, "en") == english


def test_quantities_lose_the_zeros_of_the_database() -> None:
    assert formats.quantity("3.0000", "pt-BR") == "3"
    assert formats.quantity("2.5000", "pt-BR") == "2,5"
    assert formats.quantity("1200.0000", "pt-BR") == "1.200"
    assert formats.quantity("0.0000", "en") == "0"


@pytest.mark.parametrize(
    ("typed", "language", "meant"),
    [
        ("1.234,56", "pt-BR", "1234.56"),
        ("1,234.56", "en", "1234.56"),
        ("1234,5", "pt-BR", "1234.5"),
        ("2.5", "pt-BR", "2.5"),
        ("1.234", "pt-BR", "1234"),
        ("1.234", "en", "1.234"),
        ("1,234", "en", "1234"),
        ("1.234.567", "pt-BR", "1234567"),
        ("R$ 10,00", "pt-BR", "10.00"),
        ("-3", "en", "-3"),
        ("", "pt-BR", None),
        ("dez", "pt-BR", None),
        ("1e9", "en", None),
        (",", "en", None),
    ],
)
def test_numbers_are_read_as_people_type_them(typed: str, language: str, meant: str | None) -> None:
    assert formats.parse_decimal(typed, language) == (Decimal(meant) if meant else None)


@given(st.decimals(min_value=0, max_value=10**12, places=2), st.sampled_from(["pt-BR", "en"]))
def test_what_stands_in_a_field_is_read_back_as_it_was(value: Decimal, language: str) -> None:
    assert formats.parse_decimal(formats.typed(value, language, 2), language) == value
    assert formats.parse_decimal(formats.money(value, language), language) == value


@given(st.text(max_size=30), st.sampled_from(["pt-BR", "en"]))
def test_reading_a_number_never_fails(text: str, language: str) -> None:
    formats.parse_decimal(text, language)


def test_times_are_those_of_the_company() -> None:
    at = "2026-11-24T01:30:00.123456+00:00"
    assert formats.stamp(at, "pt-BR", ZONE) == "23/11/2026 22:30"
    assert formats.stamp(at, "en", ZONE) == "23 Nov 2026 22:30"
    assert formats.clock(at, ZONE, seconds=True) == "22:30:00"
    assert formats.day("2026-11-24", "pt-BR", ZONE) == "24/11/2026"
    assert formats.stamp(None, "pt-BR", ZONE) == ""
    assert formats.day("nonsense", "en", ZONE) == ""


def test_brief_times_say_the_hour_only_today() -> None:
    now = datetime.now(UTC)
    assert formats.brief(now, "pt-BR", ZONE) == f"{now.astimezone(ZONE):%H:%M}"
    assert formats.brief("2020-03-05T12:00:00Z", "pt-BR", ZONE) == "05/03/2020"


def test_days_and_months_have_their_names() -> None:
    assert formats.long_day(date(2026, 11, 23), "pt-BR") == "segunda-feira, 23 de novembro"
    assert formats.long_day(date(2026, 11, 22), "pt-BR") == "domingo, 22 de novembro"
    assert formats.long_day(date(2026, 11, 23), "en") == "Monday, 23 November"
    assert formats.month("2026-10-01", "pt-BR") == "outubro de 2026"
    assert formats.short_day("2026-02-03", "en") == "3 Feb"


def test_tax_ids_get_their_dots_letters_included() -> None:
    assert formats.tax_id("12345678909") == "123.456.789-09"
    assert formats.tax_id("12abc34501de35") == "12.ABC.345/01DE-35"
    assert formats.tax_id("12.ABC.345/01DE-35") == "12.ABC.345/01DE-35"
    assert formats.tax_id("123") == "123"


def test_a_charts_axis_is_short() -> None:
    assert formats.short_money(40000, "pt-BR") == "40\u00a0mil"
    assert formats.short_money(1_500_000, "en") == "1.5M"
    assert formats.short_money(0, "en") == "0"


def test_browsers_are_named_not_quoted() -> None:
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
    assert formats.agent(chrome) == "Chrome, Linux"
    assert formats.agent("curl/8") == "curl/8"
