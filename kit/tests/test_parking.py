"""Parked events that are handled anew, by several instances at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from nexus_kit.database import Database
from nexus_kit.events.event import Event, OneHandler, one_by_one
from nexus_kit.events.parking import retry_parked
from nexus_kit.testing import ModuleProcess
from nexus_kit.tx import Tx

PAYLOAD = '{"occurred_at": "2031-05-01T12:00:00+00:00", "data": {}, "trace": null}'
