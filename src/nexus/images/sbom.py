"""The bill of materials of an image: CycloneDX 1.6 in JSON. Equal images give equal bills."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from nexus import __version__
from nexus.images.contents import Contents, Package, contents
from nexus.images.reference import ImageRef
from nexus.runtimes.containers.engine import Engine
from nexus.runtimes.home import Home

_NAMESPACE = uuid.UUID("6f1d7a52-3b0e-5b8e-9a0b-6c1f6f0f7c11")
_KINDS = {"generic": ComponentType.PLATFORM}


async def sbom(engine: Engine, reference: ImageRef) -> str:
    """Return the bill of materials of an image that the engine holds.

    Raises:
        EngineError: the image is not there, or the engine does not answer.
    """
    return render(reference, await contents(engine, reference))


async def keep_sbom(engine: Engine, home: Home, service: str, reference: ImageRef) -> Path:
    """Write an image's bill of materials to the stack's state; return where it lies."""
    file = sbom_file(home, service, reference)
    text = await sbom(engine, reference)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)
    return file


def sbom_file(home: Home, service: str, reference: ImageRef) -> Path:
    """Where the bill of materials of an image is kept."""
    return home.root / "sboms" / f"{service}-{reference.tag}.cdx.json"


def render(reference: ImageRef, found: Contents) -> str:
    """Return the bill of materials as text. Pure."""
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, found.identity))
    bom.metadata.timestamp = datetime.fromisoformat(found.created)
    bom.metadata.tools.components.add(
        Component(name="nexus", version=__version__, type=ComponentType.APPLICATION)
    )
    image = Component(
        name=reference.repository,
        version=reference.tag,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        properties=[Property(name="nexus:image", value=found.identity)],
    )
    bom.metadata.component = image
    components = [_component(package, found) for package in found.packages]
    bom.components.update(components)
    bom.register_dependency(image, components)
    text: str = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    return text + "\n"


def _component(package: Package, found: Contents) -> Component:
    purl = _purl(package, found)
    return Component(
        name=package.name,
        version=package.version,
        type=_KINDS.get(package.ecosystem, ComponentType.LIBRARY),
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(package.license)] if package.license else None,
        properties=list(_properties(package)),
    )


def _properties(package: Package) -> Iterator[Property]:
    if package.source:
        yield Property(name="nexus:debian-source", value=package.source)


def _purl(package: Package, found: Contents) -> PackageURL:
    if package.ecosystem == "deb":
        qualifiers = {"arch": package.architecture}
        if found.system_version:
            qualifiers["distro"] = f"{found.system}-{found.system_version}"
        return PackageURL("deb", found.system or "debian", package.name, package.version, qualifiers)
    scope, _, name = package.name.rpartition("/")
    return PackageURL(package.ecosystem, scope or None, name, package.version)
