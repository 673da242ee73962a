"""Bricks become container images: one immutable image per release."""

from nexus.images.building import Built, build
from nexus.images.errors import BuildError
from nexus.images.presence import built
from nexus.images.reference import ImageRef, image_of
from nexus.images.sources import bricks, is_buildable, place_dockerfiles

__all__ = [
    "BuildError",
    "Built",
    "ImageRef",
    "bricks",
    "build",
    "built",
    "image_of",
    "is_buildable",
    "place_dockerfiles",
]
