"""A merge is told before it is done: counts, writers, conflicts, order, who is not told."""

from __future__ import annotations

from nexus.recovery.merging.difference import Difference, Policy, Row, TableDifference, Writer
from nexus.recovery.merging.ordering import ordered
from nexus.recovery.merging.plan import plan_merge
from nexus.recovery.merging.rows import plain, trimmed, value
from nexus.recovery.merging.tables import Reference, Table

PRICES = TableDifference(
    "prices",
    "0001",
    ("id",),
    ("id", "amount"),
    100,
    99,
    2,
    5,
    1,
    1,
    2,
    4,
    0,
    {"amount": 5},
    (Writer("812", 1_795_608_000.0, 4),),
    (Row("changed", "conflict", {"id": "1"}, {"amount": "2"}, {"amount": None}, 1_795_608_000.0, "9"),),
)


def difference(*tables: TableDifference) -> Difference:
    order = tuple(each.table for each in tables)
    return Difference("sales", "sales", "11:59", None, Policy(until=1.0), tables, order, ("a note",))


def test_the_plan() -> None:
    plan = plan_merge(difference(PRICES), "postgres", "UTC", 3, ("crm", "financial"))
    assert plan.text() == (
        "bring rows of sales back as of 11:59: 2 steps\n"
        "  note: prices: 2 deleted since, 5 changed, 1 made since (100 rows then, 99 now)\n"
        "  note: prices: amount in 5\n"
        "  note: prices: 4 of them were written last by transaction 812 at 2026-11-25 12:00:00 UTC\n"
        "  note: a note\n"
        "  note: 1 rows are conflicts: somebody wrote them after the damage; they are kept (--take then "
        "overwrites them)\n"
        "  note: no event tells of it, and crm, financial listen to those of sales: what is known there "
        "stays as it is; where something is missing, let the module send it again\n"
        "  1. point postgres: make a restore point to go back to\n"
        "     because the operator wants them back\n"
        "  2. merge sales: in one transaction: prices: 2 brought back and 4 put back; the rows are locked "
        "until its end; 3 invariants are asked before and in it\n"
        "     because the operator wants them back; after 1; undo: one that fails leaves nothing; afterwards "
        "the restore point"
    )


def test_nothing_differs() -> None:
    same = TableDifference("prices", "0001", ("id",), ("id",), 3, 3)
    assert plan_merge(difference(same), "postgres", "UTC", 3).empty


def test_a_difference_is_read_as_it_was_written() -> None:
    found = difference(PRICES)
    assert Difference.of(found.text()) == found


def test_references_come_first_and_circles_are_told() -> None:
    def table(name: str, *to: str) -> Table:
        known = [Reference(f"{name}_{each}", "s", name, ("x",), "s", each, ("id",)) for each in to]
        return Table("s", name, "o", (), ("id",), tuple(known))

    tables = [table("a", "b"), table("b", "c", "b"), table("c", "elsewhere")]
    assert ordered({each.name: each for each in tables}) == (("c", "b", "a"), ())
    order, notes = ordered({each.name: each for each in (table("a", "b"), table("b", "a"), table("c"))})
    assert order == ("c", "a", "b")
    assert "a_b, which is not deferrable" in str(notes[0])


def test_values_are_read_as_copy_writes_them() -> None:
    assert plain(rb"a\tb\\n\nc\\\\") == b"a\tb\\n\nc\\\\"
    assert value(b"\\N") is None
    assert value(rb"\\N") == "\\N"
    assert [trimmed(each) for each in (b"1.500", b"100", b"2.00", b"NaN")] == [b"1.5", b"100", b"2", b"NaN"]


def test_what_was_written_after_the_damage_is_kept() -> None:
    policy = Policy(deleted=True, changed=True, added=True, until=10.0)
    assert [policy.does("changed", at) for at in (9.0, 11.0, None)] == ["put back", "conflict", "conflict"]
    assert [policy.does("added", at) for at in (9.0, 11.0, None)] == ["take away", "keep", "keep"]
    assert Policy(changed=True, until=10.0, take="then").does("changed", 11.0) == "put back"
    assert Policy(changed=False).does("changed", 11.0) == "keep"
    assert Policy(changed=False, until=10.0).does("changed", 11.0) == "keep"
    assert policy.words() == "deleted, changed, added until 1970-01-01T00:00:10+00:00"
    assert Policy(deleted=False).does("deleted", None) == "keep"
