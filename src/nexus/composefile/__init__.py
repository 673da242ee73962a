"""Reads a Compose project as `docker compose config` does, without Docker; every value knows its line.

project = read_project(Path("shop"))           # a folder, or one or more files
project.services["web"].ports[0].at            # compose.yaml:7
"""

from nexus.composefile.loading import PROJECT_FILES, read_project
from nexus.composefile.model import (
    Attachment,
    Build,
    ComposeService,
    Condition,
    EnvFile,
    FileSource,
    Grant,
    HealthCheck,
    Limits,
    Logging,
    Mount,
    Network,
    Port,
    Project,
    Value,
    Volume,
)
from nexus.composefile.places import ComposeError, Fault, Place
from nexus.composefile.scope import Variable

__all__ = [
    "PROJECT_FILES",
    "Attachment",
    "Build",
    "ComposeError",
    "ComposeService",
    "Condition",
    "EnvFile",
    "Fault",
    "FileSource",
    "Grant",
    "HealthCheck",
    "Limits",
    "Logging",
    "Mount",
    "Network",
    "Place",
    "Port",
    "Project",
    "Value",
    "Variable",
    "Volume",
    "read_project",
]
