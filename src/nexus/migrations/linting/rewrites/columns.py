"""New columns, other types and other names, in steps that the former code lives through."""

from __future__ import annotations

from typing import Any

from pglast import ast
from pglast.enums import ConstrType

from nexus.migrations.linting.rewrites.constraints import not_null_steps, unique_steps, validated_steps
from nexus.migrations.linting.rewrites.sql import (
    ALONE,
    BATCH,
    NEXT,
    as_contract,
    beside,
    lines,
    made_name,
    relation,
    told,
    without,
)
from nexus.migrations.naming import name_of
from nexus.migrations.shape.quoting import name

_INTEGERS = {"serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint"}
# Nobody uses the second column before it takes the first one's place, or both names are in use at once.
_ONE_WAY = "BEGIN SELECT {value} INTO NEW.{new} FROM (SELECT NEW.*) AS told; RETURN NEW; END"
_BOTH = (
    "BEGIN IF TG_OP = 'INSERT' THEN NEW.{new} := coalesce(NEW.{new}, NEW.{own}); NEW.{own} := NEW.{new}; "
    "ELSIF NEW.{new} IS DISTINCT FROM OLD.{new} THEN NEW.{own} := NEW.{new}; "
    "ELSE NEW.{new} := NEW.{own}; END IF; RETURN NEW; END"
)
_LATER = (
    ConstrType.CONSTR_CHECK,
    ConstrType.CONSTR_FOREIGN,
    ConstrType.CONSTR_UNIQUE,
    ConstrType.CONSTR_PRIMARY,
)


def added(tree: Any, column: Any) -> str:
    """A new column alone, then each of its constraints beside the users."""
    bare = without(column, *_LATER)
    return lines(
        ALONE, f"ALTER TABLE {relation(tree.relation)} ADD COLUMN {told(bare)}", *_bound(tree, column)
    )


def filled(tree: Any, column: Any) -> str:
    """A new column whose default is another in each row: empty at first, then for new rows, then for old."""
    kinds = {each.contype: each for each in column.constraints or ()}
    default = kinds.get(ConstrType.CONSTR_DEFAULT)
    table, own = relation(tree.relation), str(column.colname)
    if default is None:
        return numbered(tree, column)
    bare = without(column, *_LATER, ConstrType.CONSTR_DEFAULT, ConstrType.CONSTR_NOTNULL)
    value = told(default.raw_expr)
    needed = ConstrType.CONSTR_NOTNULL in kinds
    return lines(
        ALONE,
        f"ALTER TABLE {table} ADD COLUMN {told(bare)}",
        f"ALTER TABLE {table} ALTER COLUMN {name(own)} SET DEFAULT {value}",
        BATCH,
        f"UPDATE {table} SET {name(own)} = {value} WHERE {name(own)} IS NULL",
        *(not_null_steps(tree.relation, own) if needed else ()),
        *_bound(tree, column),
    )


def numbered(tree: Any, column: Any) -> str:
    """A serial, identity or computed column: old rows get their value in batches."""
    kinds = {each.contype: each for each in column.constraints or ()}
    table, own = relation(tree.relation), str(column.colname)
    computed = kinds.get(ConstrType.CONSTR_GENERATED)
    if computed is not None:
        return _computed(tree, column, computed)
    kind = _INTEGERS.get(name_of(column.typeName), "bigint")
    if ConstrType.CONSTR_IDENTITY in kinds:
        kind = told(column.typeName)
    sequence = made_name(str(tree.relation.relname), own, "seq")
    full = beside(tree.relation, sequence)
    value = f"nextval('{full}')"
    return lines(
        ALONE,
        f"ALTER TABLE {table} ADD COLUMN {name(own)} {kind}",
        f"CREATE SEQUENCE {full} AS {kind} OWNED BY {table}.{name(own)}",
        f"ALTER TABLE {table} ALTER COLUMN {name(own)} SET DEFAULT {value}",
        BATCH,
        f"UPDATE {table} SET {name(own)} = {value} WHERE {name(own)} IS NULL",
        *not_null_steps(tree.relation, own),
        *_bound(tree, column),
    )


def _computed(tree: Any, column: Any, computed: Any) -> str:
    """PostgreSQL 18 computes it when it is read: nothing is written."""
    bare = without(column, ConstrType.CONSTR_GENERATED)
    value = told(computed.raw_expr)
    return lines(
        f"ALTER TABLE {relation(tree.relation)} ADD COLUMN {told(bare)} GENERATED ALWAYS AS ({value}) VIRTUAL"
    )


def required(tree: Any, column: Any) -> str:
    """A column that must hold a value: first it may be empty, until all rows have one."""
    bare = without(column, *_LATER, ConstrType.CONSTR_NOTNULL)
    return lines(
        f"ALTER TABLE {relation(tree.relation)} ADD COLUMN {told(bare)}",
        f"{NEXT}, when all rows have a value and no release that runs leaves it out:",
        "-- nexus: phase=contract",
        ALONE,
        *not_null_steps(tree.relation, str(column.colname)),
        *_bound(tree, column),
    )


def retyped(tree: Any, command: Any, module: str = "", needed: bool = False) -> str:
    """Another type by a second column that a trigger keeps the same. `needed`: the column is NOT NULL."""
    own, kind = str(command.name), told(command.def_.typeName)
    using = command.def_.raw_default
    value = f"({told(using)})" if using is not None else f"CAST({name(own)} AS {kind})"
    return _moved(tree.relation, own, made_name(own, "new"), kind, value, module, needed, back=True)


def renamed(relation_of: Any, own: str, new: str, kind: str, module: str = "", needed: bool = False) -> str:
    """Another name by a second column that a trigger keeps the same. `kind`: its type."""
    return _moved(relation_of, own, new, kind, name(own), module, needed, back=False)


def renamed_table(tree: Any) -> str:
    """The table under its new name; the former one goes on as a view, through which code writes too."""
    old, new = relation(tree.relation), beside(tree.relation, str(tree.newname))
    return lines(
        f"ALTER TABLE {old} RENAME TO {name(str(tree.newname))}",
        f"CREATE VIEW {old} WITH (security_invoker = true) AS SELECT * FROM {new}",
        f"{NEXT}, when no release that runs uses the former name:",
        "-- nexus: phase=contract",
        f"DROP VIEW {old}",
    )


def _moved(
    of: Any, own: str, new: str, kind: str, value: str, module: str, needed: bool, *, back: bool
) -> str:
    table, copies = relation(of), made_name(str(of.relname), own, "copied")
    function = beside(of, copies)
    end = [f"DROP TRIGGER {name(copies)} ON {table}", f"DROP FUNCTION {function}()"]
    end += [f"ALTER TABLE {table} DROP COLUMN {name(own)}"]
    end += [f"ALTER TABLE {table} RENAME COLUMN {name(new)} TO {name(own)}"] if back else []
    body = _ONE_WAY.format(value=value, new=name(new)) if back else _BOTH.format(own=name(own), new=name(new))
    return lines(
        f"ALTER TABLE {table} ADD COLUMN {name(new)} {kind}",
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
        f"CREATE TRIGGER {name(copies)} BEFORE INSERT OR UPDATE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {function}()",
        f"{NEXT}:",
        ALONE,
        BATCH,
        f"UPDATE {table} SET {name(new)} = {value} WHERE {name(new)} IS DISTINCT FROM {value}",
        *(not_null_steps(of, new) if needed else ()),
        f"{NEXT}, when no release that runs uses the former column:",
        as_contract(lines(*end), module),
    )


def _bound(tree: Any, column: Any) -> tuple[str, ...]:
    steps: list[str] = []
    own = str(column.colname)
    for each in column.constraints or ():
        if each.contype in (ConstrType.CONSTR_CHECK, ConstrType.CONSTR_FOREIGN):
            steps += validated_steps(tree.relation, each, own)
        elif each.contype in (ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY):
            proved = any(one.contype == ConstrType.CONSTR_NOTNULL for one in column.constraints)
            proved = proved or name_of(column.typeName).endswith("serial")
            proved = proved or any(one.contype == ConstrType.CONSTR_IDENTITY for one in column.constraints)
            steps += unique_steps(tree.relation, each, () if proved else (own,), own)
    return tuple(steps)


def is_new(command: Any) -> bool:
    """Whether a command adds a column."""
    return isinstance(command.def_, ast.ColumnDef)
