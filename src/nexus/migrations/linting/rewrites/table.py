"""squawk's rule → what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pglast.enums import ObjectType

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Known
from nexus.migrations.linting.rewrites import columns, constraints, indexes, styles
from nexus.migrations.linting.rewrites.sql import as_contract, lines, relation, told
from nexus.migrations.shape.quoting import name

_LONG = re.compile(r"`([^`]+)`")
_NO_TRANSACTION = "-- leave BEGIN and COMMIT out: Nexus makes the transaction of a migration"
Rewrite = Callable[[Case, Known, str], str]


def rewrite(rule: str, case: Case, known: Known, message: str = "") -> str:
    """What to write instead of what squawk's rule found; "" where the finding says all."""
    made = REWRITES.get(rule)
    return made(case, known, message) if made else ""


def _contract(case: Case, known: Known, message: str) -> str:
    return as_contract(told(case.tree), case.file.module)


def _renamed(case: Case, known: Known, message: str) -> str:
    if case.tree.relationType != ObjectType.OBJECT_TABLE:
        return _contract(case, known, message)
    own, table = str(case.tree.subname), case.table
    facts = known.facts(table)
    kind = facts.columns.get(own, "text") if facts else "text"
    needed = own in known.not_null(table)
    new, module = str(case.tree.newname), case.file.module
    hint = "" if facts else f"-- only the database knows the type of {own}; put it in the place of text\n"
    return hint + columns.renamed(case.tree.relation, own, new, kind, module, needed)


def _without_cascade(case: Case, known: Known, message: str) -> str:
    """All tables that CASCADE would empty, by name."""
    tables = [relation(each) for each in case.tree.relations]
    others = [name(*effect.table) for effect in case.effects]
    found = list(dict.fromkeys((*tables, *others)))
    qualified = {each.rpartition(".")[2] for each in found if "." in each}
    kept = [each for each in found if "." in each or each not in qualified]
    return lines(f"TRUNCATE TABLE {', '.join(kept)}")


def _tree(make: Callable[[Any], str]) -> Rewrite:
    return lambda case, known, message: make(case.tree)


def _column(make: Callable[[Any, Any], str]) -> Rewrite:
    return lambda case, known, message: make(case.tree, case.command.def_)


def _no_transaction(case: Case, known: Known, message: str) -> str:
    return _NO_TRANSACTION


def _no_database(case: Case, known: Known, message: str) -> str:
    return "-- leave it out: a migration is of one schema of the database that it runs in"


def _shorter(case: Case, known: Known, message: str) -> str:
    found = _LONG.search(message)
    return styles.shorter(case.statement.sql, found[1]) if found else ""


def _unique(case: Case, known: Known, message: str) -> str:
    nullable = [each for each in _keys(case) if each not in known.not_null(case.table)]
    return constraints.unique(case.tree.relation, case.command.def_, nullable)


def _keys(case: Case) -> list[str]:
    return [str(each.sval) for each in case.command.def_.keys or ()]


def _validated(case: Case, known: Known, message: str) -> str:
    if columns.is_new(case.command):
        return columns.added(case.tree, case.command.def_)
    return constraints.validated_later(case.tree.relation, case.command.def_)


def _not_null(case: Case, known: Known, message: str) -> str:
    return constraints.not_null(case.tree.relation, str(case.command.name))


def _retyped(case: Case, known: Known, message: str) -> str:
    needed = str(case.command.name) in known.not_null(case.table)
    return columns.retyped(case.tree, case.command, case.file.module, needed)


def _index(case: Case, known: Known, message: str) -> str:
    facts = known.facts(case.table)
    if known.living is None or facts is None or facts.kind != "p":
        return indexes.concurrently(case.tree)
    children = known.living.children
    leaves = [each for each in children.get(case.table, ()) if each not in children]
    return indexes.on_partitions(case.tree, leaves)


REWRITES: Mapping[str, Rewrite] = {
    "adding-field-with-default": _column(columns.filled),
    "adding-foreign-key-constraint": _validated,
    "adding-not-nullable-field": _not_null,
    "adding-required-field": _column(columns.required),
    "adding-serial-primary-key-field": _column(columns.numbered),
    "ban-alter-domain-with-add-constraint": _tree(constraints.domain_checked_later),
    "ban-alter-identity": _contract,
    "ban-char-field": _tree(styles.no_char),
    "ban-create-domain-with-constraint": _tree(styles.plain_domain),
    "ban-drop-column": _contract,
    "ban-drop-constraint": _contract,
    "ban-drop-database": _no_database,
    "ban-drop-domain": _contract,
    "ban-drop-extension": _contract,
    "ban-drop-function": _contract,
    "ban-drop-generated-expression": _contract,
    "ban-drop-not-null": _contract,
    "ban-drop-schema": _contract,
    "ban-drop-sequence": _contract,
    "ban-drop-table": _contract,
    "ban-drop-type": _contract,
    "ban-drop-view": _contract,
    "ban-duplicate-column-assignments": _tree(styles.assigned_once),
    "ban-set-schema": _contract,
    "ban-truncate-cascade": _without_cascade,
    "ban-uncommitted-transaction": _no_transaction,
    "changing-column-type": _retyped,
    "constraint-missing-not-valid": _validated,
    "disallowed-unique-constraint": _unique,
    "identifier-too-long": _shorter,
    "prefer-bigint-over-int": _tree(styles.bigint),
    "prefer-bigint-over-smallint": _tree(styles.bigint_over_smallint),
    "prefer-identity": _tree(styles.identity),
    "prefer-repack": _tree(indexes.vacuumed),
    "prefer-text-field": _tree(styles.text),
    "prefer-timestamp-tz": _tree(styles.timestamptz),
    "renaming-column": _renamed,
    "renaming-object": _contract,
    "renaming-table": _tree(columns.renamed_table),
    "require-concurrent-index-creation": _index,
    "require-concurrent-index-deletion": _tree(indexes.dropped),
    "require-concurrent-partition-detach": _tree(indexes.detached),
    "require-concurrent-reindex": _tree(indexes.reindexed),
}
