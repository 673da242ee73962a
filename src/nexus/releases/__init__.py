"""Releases: what a service runs from, let in with care, and the smallest way back.

release        what one is: content, version, where it came from
artefact       the immutable copy that it runs from
catalogue      which there are, which is stable, how each deployment ended
"""

from nexus.releases.catalogue import Catalogue, UnknownRelease
from nexus.releases.records import Deployment, ReleaseSet
from nexus.releases.release import Release, Sides

__all__ = ["Catalogue", "Deployment", "Release", "ReleaseSet", "Sides", "UnknownRelease"]
