"""What manifests are made of: the base of their parts, names and titles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NAME = r"^[a-z][a-z0-9-]{0,39}$"
Name = Annotated[str, Field(pattern=NAME)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


def _title(value: Any) -> Any:
    return {"en": value} if isinstance(value, str) else value


Title = Annotated[Mapping[str, str], BeforeValidator(_title)]


class Part(BaseModel):
    """Base of all manifest parts: immutable, and unknown fields are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)
