"""Everything the module does, wired to its chassis."""

from . import (
    backorders,
    documents,
    health,
    movements,
    orders,
    products,
    reservations,
    shipments,
    warehouses,
)
from .service import module

__all__ = ["health", "module", "orders"]

app = module.app
for part in (products, warehouses, movements, documents, reservations, shipments, backorders):
    app.include_router(part.router)
