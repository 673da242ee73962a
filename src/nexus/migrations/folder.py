"""Migrations as files: `<timestamp>_<name>/migration.sql`, applied by name (Prisma's format)."""

from __future__ import annotations

from nexus.migrations.reading.prisma import LOCK_FILE, read_folder

__all__ = ["LOCK_FILE", "read_folder"]
