"""A manifest on its way into the stack."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.stack.kpi import Kpi
from nexus.stack.manifest import ServiceManifest
from nexus.stack.reading import Source


@dataclass(frozen=True)
class Found:
    """A validated manifest, where it was read, whether the service is on, and its figures."""

    manifest: ServiceManifest
    source: Source
    on: bool
    kpis: tuple[Kpi, ...] = ()
