"""Manifests become a validated, immutable Stack and its dependency graph."""

from nexus.stack.errors import Fault, ManifestError
from nexus.stack.loading import load_stack
from nexus.stack.manifest import Database, Events, Health, Needs, Resources, Rollout, Scale
from nexus.stack.model import Service, Stack, Task
from nexus.stack.schema import json_schema

__all__ = [
    "Database",
    "Events",
    "Fault",
    "Health",
    "ManifestError",
    "Needs",
    "Resources",
    "Rollout",
    "Scale",
    "Service",
    "Stack",
    "Task",
    "json_schema",
    "load_stack",
]
