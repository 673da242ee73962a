"""Releases against those who rely on them: events, what nobody declared, several releases at once."""

from pathlib import Path
from typing import Any

import pytest

from nexus.releases.contracts import ContractError, breaks, compare, compare_sets, satisfied
from nexus.releases.contracts.tests.bricks import TITLE, brick, document, taking, thing

TEXT = {"type": "string"}
HEARS = "events: {consumes: {shop: [thing.sold]}}\n"
SOLD = {"thing.sold": thing("id", "price", id=TEXT, price=TEXT)}


def reading(*fields: str) -> dict[str, Any]:
    return {"shop": {"requests": {TITLE: {"reads": list(fields)}}}}


def hearing(*fields: str) -> dict[str, Any]:
    return {"shop": {"events": {"thing.sold": {"reads": list(fields)}}}}


def test_a_sentence_names_the_consumer_the_field_and_the_operation(tmp_path: Path) -> None:
    shop = brick(tmp_path, "shop", openapi=document(thing("id", id=TEXT)))
    found = breaks(shop, {"till": brick(tmp_path, "till", uses=reading("id", "price"))})
    assert [each.sentence for each in found] == [
        "till relies on price of GET /api/shop/things/{id} (shop): it is gone"
    ]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (SOLD, []),
        ({"thing.sold": thing("id", id=TEXT)}, [("price", "it is gone")]),
        ({"thing.sold": thing("id", id=TEXT, price=TEXT)}, [("price", "it may be missing now")]),
        (
            {"thing.sold": thing("id", "price", id=TEXT, price={"type": "number"})},
            [("price", "it was string, now it is number")],
        ),
        ({}, [("", "it is not published any more")]),
    ],
)  # fmt: skip
def test_a_listener_is_told(tmp_path: Path, events: Any, told: list[tuple[str, str]]) -> None:
    running, candidate = (
        brick(tmp_path / "old", "shop", events=SOLD),
        brick(tmp_path / "new", "shop", events=events),
    )
    consumer = brick(tmp_path, "till", HEARS, uses=hearing("price"))
    found = breaks(candidate, {"till": consumer}, running)
    assert [(each.field, each.why) for each in found] == told
    assert {each.what for each in found} <= {"thing.sold"}


def test_an_event_that_is_listened_to_and_not_described_must_be_published(tmp_path: Path) -> None:
    candidate = brick(tmp_path, "shop", events={})
    found = breaks(candidate, {"till": brick(tmp_path, "till", HEARS, uses={})})
    assert [(each.what, each.why) for each in found] == [("thing.sold", "it is not published")]


def test_who_declares_nothing_is_taken_to_use_all_there_was(tmp_path: Path) -> None:
    old = document(thing("id", "price", id=TEXT, price=TEXT))
    running = brick(tmp_path / "old", "shop", openapi=old, events=SOLD)
    candidate = brick(
        tmp_path / "new",
        "shop",
        openapi=document(thing("id", id=TEXT)),
        events={"thing.sold": thing(no=TEXT)},
    )
    consumer = brick(tmp_path, "till", HEARS + "needs: {hard: [shop]}\n")
    found = compare(candidate, {"till": consumer}, running)
    assert [(each.what, each.field) for each in found.breaks] == [
        (TITLE, "price"), ("thing.sold", "id"), ("thing.sold", "price")
    ]  # fmt: skip
    assert found.notes == (
        "till does not say what it relies on of shop (contracts/uses.json): all of it counts as used",
    )


def test_who_declares_nothing_and_needs_it_not_is_no_consumer(tmp_path: Path) -> None:
    shop = brick(tmp_path, "shop", openapi=document())
    assert compare(shop, {"till": brick(tmp_path, "till")}, shop).notes == ()


def test_a_whole_body_that_was_taken_must_still_be(tmp_path: Path) -> None:
    running = brick(tmp_path / "old", "shop", openapi=taking(thing("a", a=TEXT, b=TEXT)))
    candidate = brick(tmp_path / "new", "shop", openapi=taking(thing("a", "c", a=TEXT, c=TEXT)))
    found = breaks(candidate, {"till": brick(tmp_path, "till", "needs: {soft: [shop]}\n")}, running)
    assert [(each.field, each.why) for each in found] == [
        ("b", "it is not taken any more"), ("c", "it must be sent now")
    ]  # fmt: skip


def test_a_provider_without_contracts_is_noted_and_not_refused(tmp_path: Path) -> None:
    consumer = brick(tmp_path, "till", HEARS, uses=reading("id"))
    found = compare(brick(tmp_path, "shop"), {"till": consumer})
    assert not found.breaks
    assert found.notes == (
        "shop has no contracts/events.json: nothing is known of its events",
        "shop has no contracts/openapi.json: nothing is known of its requests",
    )


def test_what_the_running_release_lacks_too_is_no_fault_of_the_new_one(tmp_path: Path) -> None:
    running = brick(tmp_path / "old", "shop", openapi=document(thing("id", id=TEXT)))
    candidate = brick(tmp_path / "new", "shop", openapi=document(thing("id", id=TEXT)))
    consumer = brick(tmp_path, "till", uses=reading("price"))
    assert breaks(candidate, {"till": consumer}, running) == ()
    assert [each.field for each in satisfied(candidate, consumer)] == ["price"]


def test_what_is_wrong_already_does_not_hide_what_else_becomes_wrong(tmp_path: Path) -> None:
    running = brick(tmp_path / "old", "shop", openapi=taking({"type": "object"}))
    candidate = brick(tmp_path / "new", "shop", openapi=document({}, "GET /api/shop/other"))
    consumer = brick(tmp_path, "till", uses=reading())
    assert [each.why for each in satisfied(running, consumer)] == ["it needs a body now"]
    assert [each.why for each in breaks(candidate, {"till": consumer}, running)] == ["it is gone"]


def test_a_release_that_keeps_quiet_of_what_is_relied_on_breaks_it(tmp_path: Path) -> None:
    running = brick(tmp_path / "old", "shop", openapi=document(thing("id", id=TEXT)), events=SOLD)
    consumers = {
        "till": brick(tmp_path, "till", uses=reading("id")),
        "bank": brick(tmp_path, "bank", HEARS, uses=hearing("id")),
        "mute": brick(tmp_path, "mute", "needs: {soft: [shop]}\n"),
        "far": brick(tmp_path, "far", uses={}),
    }
    found = breaks(brick(tmp_path / "new", "shop"), consumers, running)
    assert {(each.consumer, each.what) for each in found} == {
        ("till", TITLE), ("bank", "thing.sold"), ("mute", TITLE)
    }  # fmt: skip
    assert {each.why for each in found} == {
        "the release does not tell of it any more: its contract's file is gone"
    }


def test_two_releases_that_fit_each_other_are_judged_together(tmp_path: Path) -> None:
    before = {
        "shop": brick(tmp_path / "a", "shop", openapi=document(thing("id", id=TEXT))),
        "till": brick(tmp_path / "a", "till", uses=reading("id")),
    }
    shop = brick(tmp_path / "b", "shop", openapi=document(thing("id", "price", id=TEXT, price=TEXT)))
    till = brick(tmp_path / "b", "till", uses=reading("id", "price"))
    assert compare_sets(before, {"shop": shop, "till": till}).breaks == ()
    alone = compare_sets(before, {**before, "till": till})
    assert [each.sentence for each in alone.breaks] == [
        f"till relies on price of {TITLE} (shop): there is no such field"
    ]


def test_findings_are_the_same_in_any_order_of_consumers(tmp_path: Path) -> None:
    shop = brick(tmp_path, "shop", openapi=document(thing(no=TEXT)))
    consumers = {name: brick(tmp_path, name, uses=reading("b", "a")) for name in ("till", "bank")}
    found = compare(shop, consumers)
    assert found == compare(shop, dict(reversed(consumers.items())))
    assert [(each.consumer, each.field) for each in found.breaks] == [
        ("bank", "a"), ("bank", "b"), ("till", "a"), ("till", "b")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("openapi.json", "{", "openapi.json: Expecting"),
        ("openapi.json", "[]", "openapi.json: it holds no JSON object"),
        ("openapi.json", "{}", "openapi.json: it has no `paths`"),
        ("uses.json", '{"shop": {"request": {}}}', "shop: 'request' is unknown; write requests, events"),
        (
            "uses.json",
            '{"shop": {"requests": {"GET /x": {"reads": "id"}}}}',
            r"GET /x.reads: this is no list",
        ),
        ("uses.json", '{"shop": []}', "shop: this is no object"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, file: str, content: str, told: str) -> None:
    folder = brick(tmp_path, "shop")
    (folder / "contracts" / file).write_text(content)
    with pytest.raises(ContractError, match=told):
        compare(folder, {"shop": folder})
