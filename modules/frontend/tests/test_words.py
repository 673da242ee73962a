from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from nexus_frontend.settings import LANGUAGES
from nexus_frontend.words import catalogue

PACKAGE = Path(__file__).parents[1] / "nexus_frontend"
SOURCES = [*PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.py")]
USED = re.compile(r"""\bt\(\s*["']([a-z_]+\.[a-z_0-9]+)["']""")
QUOTED = re.compile(r"""["']([a-z_]+\.[a-z_0-9]+)["']""")
BUILT = re.compile(r"""\bt\(f?["']([a-z_]+\.[a-z_]*)(?:["']\s*~|\{)""")
LABELLED = re.compile(r"""\b(?:badge|label|options)\(\s*["']([a-z_]+)["']""")


def texts(language: str) -> dict[str, str]:
    return catalogue()[language]._texts


def used_keys(pattern: re.Pattern[str] = USED) -> set[str]:
    return {key for file in SOURCES for key in pattern.findall(file.read_text())}


def built_prefixes() -> tuple[str, ...]:
    found = {prefix for file in SOURCES for prefix in BUILT.findall(file.read_text())}
    labelled = {f"{area}." for file in SOURCES for area in LABELLED.findall(file.read_text())}
    return (*found, *labelled, "problem.")


def test_every_text_a_page_asks_for_exists() -> None:
    assert sorted(used_keys() - texts("pt-BR").keys()) == []


def test_no_text_is_left_over() -> None:
    prefixes = built_prefixes()
    kinds = {f"stock.{kind}{end}" for kind in ("receive", "adjust") for end in ("", "_sub", "_do", "_done")}
    left = {key for key in texts("pt-BR") if not key.startswith(prefixes)}
    assert sorted(left - used_keys(QUOTED) - kinds) == []


def test_each_text_stands_in_both_languages() -> None:
    portuguese, english = (texts(language) for language in LANGUAGES)
    asked = {key for key in portuguese if not key.startswith("problem.")}
    assert asked == english.keys()
    assert all(text.strip() for text in (*portuguese.values(), *english.values()))


def test_both_languages_take_the_same_values() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    portuguese, english = (texts(language) for language in LANGUAGES)
    differing = [key for key in english if fields(portuguese[key]) != fields(english[key])]
    assert differing == []


def test_one_is_singular_and_the_rest_plural() -> None:
    t = catalogue()["pt-BR"]
    assert t("orders.count", n=1) == "1 pedido"
    assert t("orders.count", n=0) == "0 pedidos"
    assert t("orders.count", n=12) == "12 pedidos"


def test_a_value_without_a_text_is_shown_as_it_is() -> None:
    t = catalogue()["en"]
    assert t.label("order_state", "quotation") == "Quote"
    assert t.label("order_state", "teleported") == "teleported"
    with pytest.raises(KeyError):
        t("orders.teleported")
