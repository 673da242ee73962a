"""Identifiers: UUID version 7, so that ids sort by the time they were made."""

from __future__ import annotations

from uuid import UUID

import uuid_utils

NIL = UUID(int=0)
# The company in which synthetic probes act: what happens in it is no business.
SYNTHETIC_COMPANY = UUID("00000000-0000-7000-8000-000000000001")


def new_id() -> UUID:
    """Return a new UUIDv7 (the same kind as PostgreSQL's ``uuidv7()``)."""
    return UUID(bytes=uuid_utils.uuid7().bytes)
