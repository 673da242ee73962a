"""Releases: what a service runs from, let in with care, and the smallest way back.

release        what one is: content, version, where it came from
"""

from nexus.releases.release import Release, Sides

__all__ = ["Release", "Sides"]
