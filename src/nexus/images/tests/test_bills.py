"""A bill of materials names what is really in an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jsonschema_rs
import pytest

from nexus.images import ImageRef, build
from nexus.images.contents import Contents, Package
from nexus.images.sbom import keep_sbom, render, sbom
from nexus.images.tests.conftest import House
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.home import Home

REFERENCE = ImageRef("shop/till", "0123456789ab")
PACKAGES = (
    Package("deb", "libssl3", "3.0.1+x", "", "amd64", "openssl"),
    Package("generic", "python", "3.11.2"),
    Package("npm", "@scope/thing", "1.0.0", "MIT"),
    Package("pypi", "fastapi", "0.165.0", "Apache-2.0 OR MIT"),
    Package("pypi", "odd", "1", "Our own licence"),
)
FOUND = Contents("sha256:abc", "2026-01-31T10:00:00.123456789Z", "debian", "12", PACKAGES)


def faults(bill: Mapping[str, Any]) -> list[str]:
    """What the published schema of CycloneDX 1.6 says against a bill."""
    folder = resources.files("cyclonedx.schema") / "_res"
    base = "http://cyclonedx.org/schema/"
    names = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    known = jsonschema_rs.Registry([(base + name, json.loads((folder / name).read_text())) for name in names])
    schema = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text())
    return [str(each) for each in jsonschema_rs.Draft7Validator(schema, registry=known).iter_errors(bill)]


def test_each_package_has_the_address_that_scanners_look_up() -> None:
    bill = json.loads(render(REFERENCE, FOUND))
    assert [each["purl"] for each in bill["components"]] == [
        "pkg:npm/%40scope/thing@1.0.0",
        "pkg:pypi/fastapi@0.165.0",
        "pkg:deb/debian/libssl3@3.0.1%2Bx?arch=amd64&distro=debian-12",
        "pkg:pypi/odd@1",
        "pkg:generic/python@3.11.2",
    ]
    assert bill["metadata"]["component"]["version"] == REFERENCE.tag


def test_a_bill_is_valid_and_equal_for_equal_images() -> None:
    text = render(REFERENCE, FOUND)
    assert text == render(REFERENCE, FOUND)
    assert faults(json.loads(text)) == []
    assert faults({**json.loads(text), "specVersion": 16}) != []


@pytest.mark.docker
async def test_the_bill_of_a_brick_lists_its_libraries_and_its_systems(
    engine: Engine, erp: House, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stack, crm = erp.service("crm")
    made = await build(engine, stack, crm)
    home = Home.at(tmp_path_factory.mktemp("home"))
    file = await keep_sbom(engine, home, "crm", made.reference)
    assert file == home.root / "sboms" / f"crm-{crm.release}.cdx.json"
    bill = json.loads(file.read_text())
    assert faults(bill) == []
    named = {each["name"]: each for each in bill["components"]}
    assert named["fastapi"]["purl"].startswith("pkg:pypi/fastapi@")
    assert named["libssl3"]["purl"].startswith("pkg:deb/debian/libssl3@3.")
    assert {"asyncpg", "uvloop", "libc6", "python"} <= named.keys()
    assert "pip" not in named
    assert await sbom(engine, made.reference) == file.read_text()


@pytest.mark.docker
async def test_an_image_that_is_not_there_has_no_bill(engine: Engine, small: House) -> None:
    with pytest.raises(EngineError, match=r"No such image|does not exist"):
        await sbom(engine, ImageRef(f"{small.name}/till", "0123456789ab"))
