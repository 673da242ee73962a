"""Which releases do not fit together, read from contracts in folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nexus.releases.facts import Pair
from nexus.releases.misfits import read_misfits
from nexus.releases.release import Release


def release(
    root: Path, service: str, id: str, fields: tuple[str, ...] = (), **uses: tuple[str, ...]
) -> Release:
    """A release whose answer to one request has `fields`, and that reads fields of its providers'."""
    folder = root / f"{service}-{id}" / service
    (folder / "contracts").mkdir(parents=True)
    (folder / "module.yaml").write_text(f"name: {service}\n")
    answer = {
        "type": "object",
        "properties": {f: {"type": "string"} for f in fields},
        "required": list(fields),
    }
    path = f"/api/{service}/things"
    operation = {"get": {"responses": {"200": {"content": {"application/json": {"schema": answer}}}}}}
    document: dict[str, Any] = {"openapi": "3.1.0", "paths": {path: operation}}
    reads = {
        name: {"requests": {f"GET /api/{name}/things": {"reads": [*read]}}} for name, read in uses.items()
    }
    (folder / "contracts/openapi.json").write_text(json.dumps(document))
    (folder / "contracts/uses.json").write_text(json.dumps(reads))
    return Release(service, f"{service}-{id}", id, id, "", True, 0.0, "ana", folder)


def test_a_new_provider_and_a_new_consumer_are_compared_with_what_runs_and_with_each_other(
    tmp_path: Path,
) -> None:
    till = release(tmp_path, "till", "1", ("id", "total"))
    running = {
        "till": till,
        "web": release(tmp_path, "web", "1", till=("total",)),
        "cache": Release("cache", "c1", "c1", "", "", True, 0.0, "ana", declared="{}"),
    }
    others = [
        release(tmp_path, "till", "2", ("id", "sum")),
        release(tmp_path, "web", "2", till=("sum",)),
        release(tmp_path, "web", "3", till=("id",)),
    ]
    found = read_misfits(running, others)
    assert set(found.pairs) == {
        Pair("web", "web-1", "till", "till-2"),
        Pair("web", "web-2", "till", "till-1"),
    }
    (sentence,) = found.pairs[Pair("web", "web-1", "till", "till-2")]
    assert sentence.startswith("web relies on total of GET /api/till/things (till): ")


def test_what_a_new_consumer_asks_of_a_new_provider_in_vain_is_found(tmp_path: Path) -> None:
    running = {
        "crm": release(tmp_path, "crm", "1", ("id",)),
        "sales": release(tmp_path, "sales", "1", crm=("id",)),
    }
    others = [
        release(tmp_path, "crm", "2", ("id", "name")),
        release(tmp_path, "sales", "2", crm=("id", "loyalty")),
    ]
    assert set(read_misfits(running, others).pairs) == {
        Pair("sales", "sales-2", "crm", "crm-1"),
        Pair("sales", "sales-2", "crm", "crm-2"),
    }


def test_what_those_that_run_lack_of_each_other_is_no_fault_of_new_releases(tmp_path: Path) -> None:
    running = {
        "crm": release(tmp_path, "crm", "1", ("id",)),
        "sales": release(tmp_path, "sales", "1", crm=("id", "loyalty")),
    }
    others = [release(tmp_path, "crm", "2", ("id",)), release(tmp_path, "sales", "2", crm=("id", "loyalty"))]
    assert read_misfits(running, others).pairs == {}


def test_what_tells_nothing_is_noted_and_nothing_is_held_against_it(tmp_path: Path) -> None:
    web = release(tmp_path, "web", "1", till=("total",))
    silent = [release(tmp_path, "till", id) for id in "12"]
    for each in silent:
        assert each.folder is not None
        (each.folder / "contracts/openapi.json").unlink()
    found = read_misfits({"web": web, "till": silent[0]}, silent[1:])
    assert found.pairs == {}
    assert found.notes == ("till has no contracts/openapi.json: nothing is known of its requests",)
