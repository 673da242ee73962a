"""Whether a change of a column's type rewrites the table (ATColumnChangeRequiresRewrite in tablecmds.c)."""

from __future__ import annotations

import re
from typing import Any

from pglast import ast

from nexus.migrations.naming import name_of

_NAMES = {
    "character varying": "varchar",
    "character": "bpchar",
    "integer": "int4",
    "bigint": "int8",
    "smallint": "int2",
    "boolean": "bool",
    "double precision": "float8",
    "real": "float4",
    "bit varying": "varbit",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "decimal": "numeric",
}
_WIDTHS = re.compile(r"\(([\d, ]+)\)")
_LENGTHS = frozenset({"varchar", "varbit"})
_PRECISIONS = frozenset({"timestamp", "timestamptz", "time", "timetz", "interval"})
_FINEST = 6  # digits of a second that PostgreSQL keeps
_SAME_BYTES = frozenset({("varchar", "text"), ("text", "varchar"), ("cidr", "inet")})
Shape = tuple[str, tuple[int, ...]]


def keeps_rows(former: str, command: Any) -> bool:
    """Whether ALTER COLUMN TYPE leaves the rows as they lie. `former`: the type as PostgreSQL writes it.

    A timestamp becomes a timestamptz without a rewrite where the session's time zone is UTC; as nobody knows
    the zone of the session that will apply it, that counts as a rewrite.
    """
    told = command.def_
    if not _plain(told.raw_default, str(command.name), told.typeName):
        return False
    return _same(_former(former), _wanted(told.typeName))


def keeps_order(former: str, command: Any) -> bool:
    """Whether a column's values compare as before, so that its indexes hold. `former`: its collation ("" =
    its type's own). Without COLLATE the column gets that of its new type.
    """
    told = command.def_.collClause
    wanted = name_of(told.collname) if told is not None else ""
    return (former or "default") == (wanted or "default")


def _same(old: Shape, new: Shape) -> bool:
    (before, widths), (after, wanted) = old, new
    if before != after:
        return (before, after) in _SAME_BYTES and (not wanted or after != "varchar")
    if widths == wanted or (not wanted and after != "bpchar"):
        return True
    if not widths:
        return after in _PRECISIONS and wanted[0] >= _FINEST
    if after in _LENGTHS or after in _PRECISIONS:
        return wanted[0] >= widths[0]
    scale, kept = (*widths, 0)[1], (*wanted, 0)[1]
    return after == "numeric" and bool(wanted) and scale == kept and wanted[0] >= widths[0]


def _former(told: str) -> Shape:
    found = _WIDTHS.search(told)
    name = " ".join(_WIDTHS.sub("", told).split())
    return _NAMES.get(name, name), tuple(int(each) for each in found[1].split(",")) if found else ()


def _wanted(told: Any) -> Shape:
    widths = tuple(
        int(each.val.ival)
        for each in told.typmods or ()
        if isinstance(getattr(each, "val", None), ast.Integer)
    )
    name = name_of(told) + "[]" * len(told.arrayBounds or ())
    if name_of(told) == "interval":
        return name, widths[1:]
    return _NAMES.get(name, name), widths


def _plain(using: Any, column: str, wanted: Any) -> bool:
    """Whether USING is left out, or names the column and no more than a cast to the type itself."""
    if isinstance(using, ast.TypeCast):
        if _wanted(using.typeName) != _wanted(wanted):
            return False
        using = using.arg
    return using is None or (isinstance(using, ast.ColumnRef) and name_of(using.fields) == column)
