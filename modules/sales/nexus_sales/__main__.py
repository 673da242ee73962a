"""Start sales: ``python -m nexus_sales``."""

from nexus_sales import (
    known,
    order_commands,
    orders,
    price_lists,
    projections,
    saga,
    stuck,
    summary,
    synthetic,
)
from nexus_sales.chassis import module

for part in (orders, order_commands, price_lists, known, summary):
    module.app.include_router(part.router)
for listener in (projections, saga, stuck, synthetic):
    listener.register(module)

if __name__ == "__main__":
    module.run()
