"""How manifests say where a schema's changes are, and how careful a stack is when it applies them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from nexus.stack.parts import Part
from nexus.stack.units import Duration


def _some(value: float | None) -> float | None:
    if value == 0:
        raise ValueError("0 would mean for ever to PostgreSQL; write how long, for example 200ms")
    return value


def _word(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Wait = Annotated[Duration, AfterValidator(_some)]
Word = Annotated[str, BeforeValidator(_word), Field(min_length=1)]


class Migrations(Part):
    """Where a schema's changes are. prisma: folders `<timestamp>_<name>/migration.sql`; sql: files
    `<version>_<name>.sql`; command: a tool of the module's own brings its schema up to date, and what
    changes in `path` makes it pending.
    """

    format: Literal["prisma", "sql", "command"] = "prisma"
    path: str = "migrations"
    command: tuple[Word, ...] = Field(
        default=(),
        description="of the format command: what brings the schema up to date, for example "
        "[alembic, upgrade, head]",
    )

    @model_validator(mode="after")
    def _command_belongs_to_its_format(self) -> Migrations:
        if self.format == "command" and not self.command:
            raise ValueError("the format command needs a `command`; write it like [alembic, upgrade, head]")
        if self.format != "command" and self.command:
            raise ValueError(
                f"`command` is not for the format {self.format}; write format: command, or leave it out"
            )
        return self


class MigrationPolicy(Part):
    """How careful `nexus migrate` is in this stack."""

    rehearse_within: Wait | None = Field(
        default=None,
        description="production: what is applied was rehearsed not longer ago than this, for example 24h; "
        "default: no rehearsal is asked for",
    )
    lock_timeout: Wait = Field(
        default=0.2,
        description="how long a statement waits for a lock before it lets others pass and tries again",
    )
    max_block: Wait = Field(
        default=0.3, description="how long others may wait for a migration before it gives way"
    )
    patience: Wait = Field(default=600.0, description="how long a migration goes on trying to get its locks")
    statement_timeout: Wait | None = Field(default=None, description="of each statement; default: none")
