"""What senders of a request are told: a former and a new operation, what is sent, and the sentences."""

from pathlib import Path
from typing import Any

import pytest

from nexus.releases.contracts import compare
from nexus.releases.contracts.tests.bricks import TITLE, brick, document, query, taking, thing

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
LINES = {"type": "array", "items": thing("id", id=TEXT)}


def with_parameters(*parameters: Any) -> Any:
    return document({"type": "object"}, parameters=list(parameters))


CASES: list[tuple[str, Any, Any, dict[str, Any], list[str]]] = [
    ("nothing changed", taking(thing("a", a=TEXT)), taking(thing("a", a=TEXT)), {"body": ["a"]}, []),
    ("a field more", taking(thing("a", a=TEXT)), taking(thing("a", a=TEXT, b=TEXT)), {"body": ["a"]}, []),
    (
        "a field more that must be sent",
        taking(thing("a", a=TEXT)),
        taking(thing("a", "b", a=TEXT, b=TEXT)),
        {"body": ["a"]},
        ["b: it must be sent now"],
    ),
    (
        "it must be sent, and is",
        taking(thing("a", a=TEXT, b=TEXT)),
        taking(thing("a", "b", a=TEXT, b=TEXT)),
        {"body": ["a", "b"]},
        ["(b: it must be sent now)"],
    ),
    (
        "must be sent within a list",
        taking(thing("l", l=LINES)),
        taking(thing("l", l={"type": "array", "items": thing("id", "n", id=TEXT, n=WHOLE)})),
        {"body": ["l[].id"]},
        ["l[].n: it must be sent now"],
    ),
    (
        "must be sent, and is in part",
        document({"type": "object"}),
        taking(thing("l", l=LINES)),
        {"body": ["l[].id"]},
        [],
    ),
    (
        "must be sent within what is not sent",
        taking(thing(o=thing(a=TEXT))),
        taking(thing(o=thing("a", a=TEXT))),
        {"body": []},
        [],
    ),
    (
        "not taken any more",
        taking(thing("a", a=TEXT, b=TEXT)),
        taking(thing("a", a=TEXT)),
        {"body": ["a", "b"]},
        ["b: it is not taken any more"],
    ),
    (
        "must be sent within what is sent as a whole",
        taking(thing(o=thing(a=TEXT))),
        taking(thing(o=thing("b", a=TEXT, b=TEXT))),
        {"body": ["o"]},
        ["o.b: it must be sent now"],
    ),
    (
        "a list sent as a whole",
        taking(thing(l={"type": "array", "items": TEXT})),
        taking(thing(l={"type": "array", "items": WHOLE})),
        {"body": ["l"]},
        ["l[]: it took string, now it takes integer"],
    ),
    (
        "a map sent as a whole",
        taking(thing(m={"type": "object", "additionalProperties": TEXT})),
        taking(thing(m={"type": "object", "additionalProperties": WHOLE})),
        {"body": ["m"]},
        ["m.*: it took string, now it takes integer"],
    ),
    (
        "narrowed",
        taking(thing(a={"type": ["string", "null"]})),
        taking(thing(a=TEXT)),
        {"body": ["a"]},
        ["a: it took string or null, now it takes string"],
    ),
    ("widened", taking(thing(a=TEXT)), taking(thing(a={"type": ["string", "null"]})), {"body": ["a"]}, []),
    (
        "another type",
        taking(thing(a=TEXT)),
        taking(thing(a=WHOLE)),
        {"body": ["a"]},
        ["a: it took string, now it takes integer"],
    ),
    (
        "a format is asked for",
        taking(thing(a=TEXT)),
        taking(thing(a={"type": "string", "format": "date"})),
        {"body": ["a"]},
        ["a: it took string, now it takes string (date)"],
    ),
    (
        "a value less",
        taking(thing(a={"enum": ["x", "y"]})),
        taking(thing(a={"enum": ["x"]})),
        {"body": ["a"]},
        ["a: it does not take y any more"],
    ),
    (
        "a list of values",
        taking(thing(a=TEXT)),
        taking(thing(a={"enum": ["x", "y"]})),
        {"body": ["a"]},
        ["a: it takes only x, y now"],
    ),
    (
        "a value more",
        taking(thing(a={"enum": ["x"]})),
        taking(thing(a={"enum": ["x", "y"]})),
        {"body": ["a"]},
        [],
    ),
    (
        "a shorter text",
        taking(thing(a=TEXT | {"maxLength": 80})),
        taking(thing(a=TEXT | {"maxLength": 20})),
        {"body": ["a"]},
        ["(a: its maxLength is 20 now, it was 80)"],
    ),
    (
        "a bound",
        taking(thing(a=WHOLE)),
        taking(thing(a=WHOLE | {"minimum": 1})),
        {"body": ["a"]},
        ["(a: its minimum is 1 now, it was none)"],
    ),
    (
        "no body any more",
        taking(thing(a=TEXT)),
        document({}),
        {"body": ["a"]},
        [": it takes no JSON any more"],
    ),
    (
        "a body at last",
        document({"type": "object"}),
        taking(thing("a", a=TEXT)),
        {},
        [": it needs a body now"],
    ),
    (
        "a body that may be left out",
        document({"type": "object"}),
        taking(thing("a", a=TEXT), required=False),
        {},
        [],
    ),
    (
        "a parameter less",
        with_parameters(query("q")),
        with_parameters(),
        {"query": ["q"]},
        ["?q: it is not taken any more"],
    ),
    ("a parameter more", with_parameters(), with_parameters(query("q")), {}, []),
    (
        "a parameter that must be sent",
        with_parameters(),
        with_parameters(query("q", required=True)),
        {},
        ["?q: it must be sent now"],
    ),
    (
        "a parameter is narrowed",
        with_parameters(query("q")),
        with_parameters(query("q", type="integer")),
        {"query": ["q"]},
        ["?q: it took string, now it takes integer"],
    ),
    (
        "a parameter must be sent that may be sent",
        with_parameters(query("q")),
        with_parameters(query("q", required=True)),
        {"query": ["q"]},
        ["(?q: it must be sent now)"],
    ),
    (
        "a status beside the one it takes",
        document({}),
        document({}, responses={"200": {}, "202": {}}),
        {"status": ["200"]},
        [": it answered 200, now it answers 200, 202"],
    ),
    (
        "a header that must be sent",
        with_parameters(),
        with_parameters({"in": "header", "name": "X-Key", "required": True, "schema": TEXT}),
        {},
        ["header X-Key: it must be sent now"],
    ),
    (
        "the path takes another type",
        with_parameters({"in": "path", "name": "id", "required": True, "schema": TEXT}),
        with_parameters({"in": "path", "name": "key", "required": True, "schema": WHOLE}),
        {},
        ["{key}: it took string, now it takes integer"],
    ),
    (
        "another status",
        document({}),
        document({}, responses={"201": {}}),
        {},
        ["(: it answered 200, now it answers 201)"],
    ),
    (
        "another status than the one it takes",
        document({}),
        document({}, responses={"201": {}}),
        {"status": ["200"]},
        [": it answered 200, now it answers 201", ": it does not answer 200 any more"],
    ),
    ("another address", document({}), document({}, title="GET /api/shop/other"), {}, [": it is gone"]),
    ("another method", document({}), document({}, title=TITLE.replace("GET", "POST")), {}, [": it is gone"]),
]


@pytest.mark.parametrize(
    ("old", "new", "use", "told"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_sender_is_told(tmp_path: Path, old: Any, new: Any, use: dict[str, Any], told: list[str]) -> None:
    running, candidate = (
        brick(tmp_path / "old", "shop", openapi=old),
        brick(tmp_path / "new", "shop", openapi=new),
    )
    consumer = brick(tmp_path, "till", uses={"shop": {"requests": {TITLE: {"reads": [], **use}}}})
    found = compare(candidate, {"till": consumer}, running)
    sentences = [f"{each.field}: {each.why}" for each in found.breaks]
    sentences += [f"({each.field}: {each.why})" for each in found.warnings]
    assert sentences == told
