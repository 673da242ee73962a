"""The kinds of values requests carry."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# PostgreSQL's text holds any character but NUL.
PRINTABLE = r"^[^\x00]*$"

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=PRINTABLE)
]
Code = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=PRINTABLE)
]
Unit = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16, pattern=PRINTABLE)
]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=PRINTABLE)
]
Search = Annotated[str, StringConstraints(max_length=200, pattern=PRINTABLE)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

Money = Annotated[Decimal, Field(ge=0, lt=Decimal("1e16"), max_digits=18, decimal_places=2)]
Cost = Annotated[Decimal, Field(ge=0, lt=Decimal("1e12"), max_digits=18, decimal_places=6)]
Quantity = Annotated[Decimal, Field(gt=0, le=Decimal("1e9"), max_digits=18, decimal_places=4)]
Change = Annotated[Decimal, Field(ge=Decimal("-1e9"), le=Decimal("1e9"), max_digits=18, decimal_places=4)]


class Input(BaseModel):
    """A request body: fields it does not know are refused."""

    model_config = ConfigDict(extra="forbid")
