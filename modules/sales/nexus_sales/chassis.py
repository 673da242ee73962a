"""The sales module's object: database, events, HTTP application."""

from typing import Annotated

from fastapi import Depends
from nexus_kit import Idempotency, Module, Principal, idempotency, require

module = Module("sales")

Reader = Annotated[Principal, Depends(require("sales.order.read"))]
Writer = Annotated[Principal, Depends(require("sales.order.write"))]
PriceWriter = Annotated[Principal, Depends(require("sales.price.write"))]
Idem = Annotated[Idempotency, Depends(idempotency)]
