"""A pytest plugin (``-p nexus_kit.testing``): real PostgreSQL, real Valkey, real module processes."""

from nexus_kit.testing.fixtures import (
    key_server,
    module_env,
    modules,
    pg,
    start_module,
    start_postgres,
    start_valkey,
    valkey,
)
from nexus_kit.testing.module_process import ModuleProcess
from nexus_kit.testing.otlp_sink import OtlpSink
from nexus_kit.testing.reporting import pytest_addoption, pytest_terminal_summary
from nexus_kit.testing.servers import PostgresServer, ValkeyServer, free_port
from nexus_kit.testing.snapshot import Snapshot

__all__ = [
    "ModuleProcess",
    "OtlpSink",
    "PostgresServer",
    "Snapshot",
    "ValkeyServer",
    "free_port",
    "key_server",
    "module_env",
    "modules",
    "pg",
    "pytest_addoption",
    "pytest_terminal_summary",
    "start_module",
    "start_postgres",
    "start_valkey",
    "valkey",
]
