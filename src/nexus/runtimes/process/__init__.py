"""Services as plain processes of this machine."""

from nexus.runtimes.process.runtime import ProcessRuntime

__all__ = ["ProcessRuntime"]
