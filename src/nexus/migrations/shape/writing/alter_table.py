"""SQL that changes a table in place; its columns are things of their own."""

from __future__ import annotations

from collections.abc import Iterator

from nexus.migrations.shape.quoting import name
from nexus.migrations.shape.thing import Thing
from nexus.migrations.shape.writing.create import replica_identity

_FIXED = ("partitioned by", "of type")


def alter_table(have: Thing, want: Thing) -> tuple[str, ...] | None:
    """Its statements; None where only a new table can be so."""
    if any(have.facts.get(each) != want.facts.get(each) for each in _FIXED):
        return None
    return tuple(_changes(have, want))


def _changes(have: Thing, want: Thing) -> Iterator[str]:
    alter, before, after = f"ALTER TABLE {want.sql_name}", have.facts, want.facts
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    if changed & {"partition of", "bound"}:
        yield from _partition(have, want)
    if "inherits" in changed:
        old, new = (_listed(each.get("inherits", "")) for each in (before, after))
        yield from (f"{alter} NO INHERIT {each};" for each in old if each not in new)
        yield from (f"{alter} INHERIT {each};" for each in new if each not in old)
    if "unlogged" in changed:
        yield f"{alter} SET {'UNLOGGED' if after.get('unlogged') else 'LOGGED'};"
    if "method" in changed:
        yield f"{alter} SET ACCESS METHOD {name(after.get('method', 'heap'))};"
    if "tablespace" in changed:
        yield f"{alter} SET TABLESPACE {name(after.get('tablespace', 'pg_default'))};"
    if "options" in changed:
        kept = [each.partition("=")[0] for each in _listed(after.get("options", ""))]
        gone = [each.partition("=")[0] for each in _listed(before.get("options", ""))]
        gone = [each for each in gone if each not in kept]
        if gone:
            yield f"{alter} RESET ({', '.join(gone)});"
        if kept:
            yield f"{alter} SET ({after['options']});"
    if "row level security" in changed:
        yield f"{alter} {'ENABLE' if after.get('row level security') else 'DISABLE'} ROW LEVEL SECURITY;"
    if "forced row level security" in changed:
        no = "" if after.get("forced row level security") else "NO "
        yield f"{alter} {no}FORCE ROW LEVEL SECURITY;"
    if "replica identity" in changed and not after.get("replica identity", "").startswith("USING"):
        yield replica_identity(want)


def _partition(have: Thing, want: Thing) -> Iterator[str]:
    if have.facts.get("partition of"):
        yield f"ALTER TABLE {have.facts['partition of']} DETACH PARTITION {want.sql_name};"
    if want.facts.get("partition of"):
        parent, bound = want.facts["partition of"], want.facts["bound"]
        yield f"ALTER TABLE {parent} ATTACH PARTITION {want.sql_name} {bound};"


def _listed(told: str) -> list[str]:
    return [each for each in told.split(", ") if each]
