"""The module's chassis and settings, shared by every part of it."""

from nexus_kit import Module

from .settings import load

settings = load()
module = Module("financial")
