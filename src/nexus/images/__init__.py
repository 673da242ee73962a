"""Bricks become container images: one immutable image per release."""

from nexus.images.building import Built, build
from nexus.images.errors import BuildError
from nexus.images.presence import built
from nexus.images.reference import ImageRef, image_of

__all__ = ["BuildError", "Built", "ImageRef", "build", "built", "image_of"]
