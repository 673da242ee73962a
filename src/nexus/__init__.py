"""Nexus: the platform that runs a stack of modules described by manifests."""

__version__ = "0.1.0"
