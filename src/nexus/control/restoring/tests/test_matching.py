"""Which releases belong to a restored schema, and which restore is meant."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control.addresses import Refused
from nexus.control.restoring.begun import Begun, Notes, refuse_unfinished
from nexus.control.restoring.matching import match, then
from nexus.control.restoring.requests import RestoreRequest, Wish
from nexus.recovery.restoring.target import Target
from nexus.releases.records import ReleaseSet
from nexus.runtimes.home import Home

SETS = (
    ReleaseSet(3, 300.0, {"till": "c", "desk": "y"}, "deploy", None),
    ReleaseSet(2, 200.0, {"till": "b", "desk": "y"}, "deploy", True),
    ReleaseSet(1, 100.0, {"till": "a", "desk": "x"}, "first", True),
)
BEGUN = Begun("S", Wish(kind="point", name="noon"), Target("lsn", name="0/5", backup="B"), "B", "noon")


def test_what_was_stable_then_is_what_fits() -> None:
    assert then(SETS, 250.0, {"till": "?"})["till"] == "b"
    assert then(SETS, 200.0, {})["till"] == "b"
    assert then(SETS, 50.0, {"till": "older"}) == {"till": "older"}
    assert then(SETS, None, {"till": "noted"}) == {"till": "noted"}


def test_only_what_differs_changes_and_what_cannot_run_is_told() -> None:
    present = {"till": "c", "desk": "y", "new": "n"}
    found = match(present, {"till": "a", "desk": "y"}, lambda service, release: "")
    assert (found.releases, found.gone) == ({"till": "a"}, {})
    found = match(present, {"till": "a"}, lambda service, release: "its artefact is gone")
    assert (found.releases, found.gone) == ({}, {"till": "its artefact is gone"})


def test_what_was_begun_is_read_again_as_it_was_noted(tmp_path: Path) -> None:
    notes = Notes(Home.at(tmp_path))
    assert notes.begun() is None
    begun = replace(BEGUN, releases={"till": "a"}, done=("restore",), broken=("amounts",), at=1.5)
    notes.keep(begun)
    assert notes.begun() == begun
    assert (notes.folder / "begun.json").stat().st_mode & 0o777 == 0o600
    notes.finish()
    assert notes.begun() is None
    assert notes.last() == begun


def test_nobody_starts_a_stack_whose_data_are_being_exchanged(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    Notes(home).keep(BEGUN)
    refuse_unfinished(home)  # the living data were not touched yet
    Notes(home).keep(replace(BEGUN, phase="swapping"))
    with pytest.raises(Refused, match="--resume"):
        refuse_unfinished(home)
    Notes(home).keep(replace(BEGUN, phase="undoing"))
    with pytest.raises(Refused, match="--undo"):
        refuse_unfinished(home)


def test_a_damaged_note_is_not_taken_for_none(tmp_path: Path) -> None:
    notes = Notes(Home.at(tmp_path))
    notes.keep(BEGUN)
    (notes.folder / "begun.json").write_text(json.dumps({"stamp": "S"}))
    with pytest.raises(Refused, match="cannot be read"):
        notes.begun()


def test_a_wish_says_one_thing_and_a_key_is_never_shown() -> None:
    for wrong in (
        {"kind": "time"},
        {"kind": "point"},
        {"kind": "latest", "name": "x"},
        {"kind": "lsn", "at": 1.0},
    ):
        with pytest.raises(ValueError, match="--"):
            Wish.model_validate(wrong)
    assert "AGE-SECRET" not in repr(RestoreRequest(who="ann", key="AGE-SECRET-KEY-1X"))
