"""All that lint says exists in English and in Brazilian Portuguese."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from nexus.migrations.effects.effect import Table
from nexus.migrations.linting import lint
from nexus.migrations.linting.finding import Finding
from nexus.migrations.linting.moot import MOOT
from nexus.migrations.linting.said import Bytes, Rows, Seconds, said
from nexus.migrations.linting.squawk_words import SQUAWK_PT_BR
from nexus.migrations.linting.tests.linting import ORDERS, SALES, living, script
from nexus.migrations.linting.text import text
from nexus.migrations.linting.words import PT_BR
from nexus.migrations.readers import Reader

EVERY = """
ALTER TABLE orders ALTER COLUMN a SET NOT NULL, ADD CHECK (a > 0), ADD FOREIGN KEY (a) REFERENCES lines (id);
ALTER TABLE orders ADD UNIQUE (a), ALTER COLUMN a TYPE bigint, ADD COLUMN u uuid DEFAULT gen_random_uuid();
ALTER TABLE orders SET UNLOGGED, DROP COLUMN state, ADD COLUMN q int CHECK (q > 0);
CREATE INDEX ON orders (a); CREATE INDEX named ON orders (a);
REFRESH MATERIALIZED VIEW lines; VACUUM FULL lines;
ALTER TABLE orders ATTACH PARTITION lines FOR VALUES IN (1);
UPDATE orders SET a = 1; INSERT INTO lines SELECT id FROM orders LIMIT 5000000; TRUNCATE lines;
ALTER TABLE orders RENAME COLUMN b TO z; ALTER TABLE orders SET SCHEMA crm; DROP TABLE orders; SET ROLE x;
ALTER TABLE crm.customers ADD COLUMN x int; DROP INDEX named; ALTER TYPE e ADD VALUE 'x';
"""
PAIRS = [{each[1] for each in string.Formatter().parse(text) if each[1]} for text in PT_BR]


def of(language: str, rows: int | None) -> tuple[Finding, ...]:
    readers = [
        Reader("stack", kind, ORDERS, column, Path("x.sql"), 3, "n")
        for column in ("a", "b", "state")
        for kind in ("kpi", "invariant", "objective", "sql")
    ] + [Reader("crm", "contract", Table("sales", ""), "a", Path("uses.json"), 3, "order.made")]
    known = None if rows is None else living(rows)
    return lint([(SALES, script(EVERY))], known, readers, aside=True, language=language)


@pytest.mark.parametrize("rows", [None, 0, 12, 40_000_000])
def test_every_sentence_is_another_in_portuguese(rows: int | None) -> None:
    english, portuguese = of("en", rows), of("pt-BR", rows)
    assert [(each.rule, each.line, each.level, each.rewrite) for each in english] == [
        (each.rule, each.line, each.level, each.rewrite) for each in portuguese
    ]
    for one, other in zip(english, portuguese, strict=True):
        assert one.sentence != other.sentence, one.sentence
        assert not one.living or one.living != other.living or ": " not in one.living, one.living
        assert not one.aside or one.aside != other.aside, one.aside


def test_translations_have_the_places_of_their_originals() -> None:
    places = [{each[1] for each in string.Formatter().parse(text) if each[1]} for text in PT_BR.values()]
    assert places == PAIRS
    assert set(MOOT.values()) <= PT_BR.keys()
    assert len(SQUAWK_PT_BR) >= 39


def test_amounts_are_written_as_each_language_does() -> None:
    told = said("{rows} {size} {time}", rows=Rows(40_000_000), size=Bytes(4_200_000_000), time=Seconds(1.5))
    assert told.told("en") == "40,000,000 rows 4.2 GB ~1.5 s"
    assert told.told("pt-BR") == "40.000.000 linhas 4,2 GB ~1,5 s"
    assert said("{r}", r=Rows(-1)).told("pt-BR") == "linhas ainda não contadas"


def test_findings_are_printed_in_portuguese() -> None:
    (told,) = lint([(SALES, script("CREATE INDEX i ON orders (a)"))], living(12), (), language="pt-BR")
    assert text([told], "pt-BR").splitlines() == [
        "20260101000000_a/migration.sql:1: nota index-without-concurrently "
        "(squawk: require-concurrent-index-creation): "
        "constrói i enquanto ninguém pode gravar em sales.orders",
        "    banco: sales.orders: 12 linhas: feito na hora",
        "    escreva em vez disso:",
        "      -- nexus: transaction=none",
        "      CREATE INDEX CONCURRENTLY i ON orders (a);",
        "1 nota",
    ]
