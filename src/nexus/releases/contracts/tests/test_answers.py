"""What readers of an answer are told: a former and a new schema, what is read, and the sentences."""

from pathlib import Path
from typing import Any

import pytest

from nexus.releases.contracts import compare
from nexus.releases.contracts.tests.bricks import TITLE, brick, document, thing

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
DATE, UUID = {"type": "string", "format": "date"}, {"type": "string", "format": "uuid"}
ITEMS = {"type": "array", "items": thing("id", id=TEXT)}
STATES = {"enum": ["open", "paid"]}
REF = {"$ref": "#/components/schemas/Thing"}

CASES: list[tuple[str, Any, Any, list[str], list[str]]] = [
    ("nothing changed", thing("a", a=TEXT), thing("a", a=TEXT), ["a"], []),
    ("a field more", thing("a", a=TEXT), thing("a", a=TEXT, b=TEXT), ["a"], []),
    ("a field that is not read is gone", thing("a", a=TEXT, b=TEXT), thing("a", a=TEXT), ["a"], []),
    ("gone", thing("a", a=TEXT), thing(b=TEXT), ["a"], ["a: it is gone"]),
    (
        "gone for good",
        thing("a", a=TEXT),
        thing() | {"additionalProperties": False},
        ["a"],
        ["a: it is gone"],
    ),
    (
        "left open",
        thing("a", a=TEXT),
        {"type": "object"},
        ["a"],
        ["a: it is not promised any more"],
    ),
    ("made optional", thing("a", a=TEXT), thing(a=TEXT), ["a"], ["a: it may be missing now"]),
    ("made required", thing(a=TEXT), thing("a", a=TEXT), ["a"], []),
    (
        "null, as 3.1 says it",
        thing("a", a=TEXT),
        thing("a", a={"type": ["string", "null"]}),
        ["a"],
        ["a: it may be null now"],
    ),
    (
        "null, as 3.0 says it",
        thing("a", a=TEXT),
        thing("a", a=TEXT | {"nullable": True}),
        ["a"],
        ["a: it may be null now"],
    ),
    (
        "null, as pydantic says it",
        thing("a", a=TEXT),
        thing("a", a={"anyOf": [TEXT, {"type": "null"}]}),
        ["a"],
        ["a: it may be null now"],
    ),
    ("null no more", thing("a", a={"type": ["string", "null"]}), thing("a", a=TEXT), ["a"], []),
    ("another type", thing("a", a=TEXT), thing("a", a=NUMBER), ["a"], ["a: it was string, now it is number"]),
    ("a whole number is a number", thing("a", a=NUMBER), thing("a", a=WHOLE), ["a"], []),
    (
        "a number is not always whole",
        thing("a", a=WHOLE),
        thing("a", a=NUMBER),
        ["a"],
        ["a: it was integer, now it is number"],
    ),
    (
        "a type more",
        thing("a", a=TEXT),
        thing("a", a={"oneOf": [TEXT, WHOLE]}),
        ["a"],
        ["a: it was string, now it is integer or string"],
    ),
    ("anything", thing("a", a=TEXT), thing("a", a={}), ["a"], ["a: it was string, now it is anything"]),
    (
        "another format",
        thing("a", a=DATE),
        thing("a", a=UUID),
        ["a"],
        ["a: it was string (date), now it is string (uuid)"],
    ),
    ("a format more", thing("a", a=TEXT), thing("a", a=UUID), ["a"], []),
    (
        "a format less",
        thing("a", a=UUID),
        thing("a", a=TEXT),
        ["a"],
        ["(a: it was string (uuid), now it is string)"],
    ),
    (
        "inside a list",
        thing("items", items=ITEMS),
        thing("items", items={"type": "array", "items": thing(id=TEXT)}),
        ["items[].id"],
        ["items[].id: it may be missing now"],
    ),
    (
        "a list as an object",
        thing("items", items=ITEMS),
        thing("items", items=thing("id", id=TEXT)),
        ["items[].id"],
        ["items[].id: it is gone"],
    ),
    (
        "a list at the top",
        ITEMS,
        {"type": "array", "items": thing(no=TEXT)},
        ["[].id"],
        ["[].id: it is gone"],
    ),
    (
        "the object around it may be null",
        thing("o", o=thing("a", a=TEXT)),
        thing("o", o={"anyOf": [thing("a", a=TEXT), {"type": "null"}]}),
        ["o.a"],
        ["o.a: it may be missing now"],
    ),
    (
        "used as a whole",
        thing("o", o=thing("a", "b", a=TEXT, b=TEXT)),
        thing("o", o=thing("a", a=TEXT)),
        ["o"],
        ["o.b: it is gone"],
    ),
    (
        "used in part",
        thing("o", o=thing("a", "b", a=TEXT, b=TEXT)),
        thing("o", o=thing("a", a=TEXT)),
        ["o", "o.a"],
        [],
    ),
    (
        "a map",
        thing("m", m={"type": "object", "additionalProperties": TEXT}),
        thing("m", m={"type": "object", "additionalProperties": WHOLE}),
        ["m.*"],
        ["m.*: it was string, now it is integer"],
    ),
    (
        "the items of a whole list",
        thing("l", l={"type": "array", "items": TEXT}),
        thing("l", l={"type": "array", "items": WHOLE}),
        ["l"],
        ["l[]: it was string, now it is integer"],
    ),
    (
        "an item of a whole list may be null",
        thing("items", items=ITEMS),
        thing("items", items={"type": "array", "items": {"anyOf": [ITEMS["items"], {"type": "null"}]}}),
        ["items"],
        ["items[]: it may be null now", "items[].id: it may be missing now"],
    ),
    (
        "a whole map",
        thing("m", m={"type": "object", "additionalProperties": TEXT}),
        thing("m", m={"type": "object", "additionalProperties": WHOLE}),
        ["m"],
        ["m.*: it was string, now it is integer"],
    ),
    (
        "a whole map of objects",
        thing("m", m={"type": "object", "additionalProperties": thing("a", a=TEXT)}),
        thing("m", m={"type": "object", "additionalProperties": thing("a", a=WHOLE)}),
        ["m"],
        ["m.*.a: it was string, now it is integer"],
    ),
    (
        "the entries of a map that names some",
        thing("m", m=thing(a=TEXT) | {"additionalProperties": TEXT}),
        thing("m", m=thing(a=TEXT) | {"additionalProperties": WHOLE}),
        ["m.*"],
        ["m.*: it was string, now it is integer or string"],
    ),
    (
        "another format and null, it can do without",
        thing("a", a=DATE),
        thing("a", a={"type": ["string", "null"], "format": "date-time"}),
        ["a?"],
        [
            "a: it was string (date), now it is string (date-time) or null",
            "(a: it may be null now)",
        ],
    ),
    ("allOf adds up", thing("a", a=TEXT), {"allOf": [thing("a", a=TEXT), thing("b", b=TEXT)]}, ["a"], []),
    ("allOf makes required", thing("a", a=TEXT), {"allOf": [thing(a=TEXT), {"required": ["a"]}]}, ["a"], []),
    ("allOf narrows", thing("a", a=WHOLE), {"allOf": [thing("a", a=NUMBER), thing("a", a=WHOLE)]}, ["a"], []),
    (
        "only one of two has it",
        thing("a", a=TEXT),
        {"oneOf": [thing("a", a=TEXT), thing("b", b=TEXT)]},
        ["a"],
        ["a: it may be missing now"],
    ),
    (
        "both of two have it",
        thing("a", a=TEXT),
        {"anyOf": [thing("a", a=TEXT), thing("a", "b", a=TEXT, b=TEXT)]},
        ["a"],
        [],
    ),
    ("by reference", thing("a", a=TEXT), REF, ["a"], []),
    (
        "by reference, beside other words",
        thing("a", a=TEXT),
        {"description": "d", "allOf": [REF]},
        ["a", "next.next.b"],
        [],
    ),
    (
        "a reference that leads nowhere",
        thing("a", a=TEXT),
        {"$ref": "#/nowhere"},
        ["a"],
        ["a: it is not promised any more"],
    ),
    (
        "a value more, closed",
        thing("s", s=STATES),
        thing("s", s={"enum": ["open", "paid", "void"]}),
        ["s!"],
        ["(s: it may be void now)"],
    ),
    (
        "a value more, not closed",
        thing("s", s=STATES),
        thing("s", s={"enum": ["open", "paid", "void"]}),
        ["s"],
        [],
    ),
    (
        "no list any more, closed",
        thing("s", s=STATES),
        thing("s", s=TEXT),
        ["s!"],
        ["(s: it may hold any value now)"],
    ),
    ("a value less, closed", thing("s", s=STATES), thing("s", s={"const": "open"}), ["s!"], []),
    ("gone, but it can do without", thing("a", a=TEXT), thing(b=TEXT), ["a?"], ["(a: it is gone)"]),
    (
        "another type, it can do without",
        thing("a", a=TEXT),
        thing("a", a=WHOLE),
        ["a?"],
        ["a: it was string, now it is integer"],
    ),
    ("an answer without JSON", thing("a", a=TEXT), None, ["a"], [": its answer holds no JSON"]),
]


def used(reads: list[str]) -> dict[str, Any]:
    """`a!` is closed, `a?` optional."""
    return {
        "reads": [name.rstrip("!?") for name in reads],
        "closed": [name[:-1] for name in reads if name.endswith("!")],
        "optional": [name[:-1] for name in reads if name.endswith("?")],
    }


@pytest.mark.parametrize(
    ("old", "new", "reads", "told"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_reader_is_told(tmp_path: Path, old: Any, new: Any, reads: list[str], told: list[str]) -> None:
    schemas = {"Thing": thing("a", a=TEXT, next=REF)}
    running = brick(tmp_path / "old", "shop", openapi=document(old, schemas=schemas))
    candidate = brick(tmp_path / "new", "shop", openapi=document(new, schemas=schemas))
    uses = {"shop": {"requests": {TITLE.replace("{id}", "{thing_id}"): used(reads)}}}
    found = compare(candidate, {"till": brick(tmp_path, "till", uses=uses)}, running)
    sentences = [f"{each.field}: {each.why}" for each in found.breaks]
    sentences += [f"({each.field}: {each.why})" for each in found.warnings]
    assert sentences == told
    assert not found.notes
