"""Manifests become a validated, immutable Stack and its dependency graph."""

from nexus.stack.errors import Fault, ManifestError
from nexus.stack.freeze import Freeze
from nexus.stack.kpi import Kpi
from nexus.stack.loading import load_stack
from nexus.stack.manifest import Database, Events, Health, Needs, Resources, Rollout, Scale
from nexus.stack.model import Service, Stack, Task
from nexus.stack.probe import Probe, ProbeStep
from nexus.stack.process import Objective, Process, Step
from nexus.stack.schema import json_schema

__all__ = [
    "Database",
    "Events",
    "Fault",
    "Freeze",
    "Health",
    "Kpi",
    "ManifestError",
    "Needs",
    "Objective",
    "Probe",
    "ProbeStep",
    "Process",
    "Resources",
    "Rollout",
    "Scale",
    "Service",
    "Stack",
    "Step",
    "Task",
    "json_schema",
    "load_stack",
]
