"""`python -m nexus_financial`: serve the module."""

from . import cancelling, closing, health, orders, reconciling
from .api import accounts, charges, closes, entries, invoices, overview, payments, periods, webhook
from .pix import asking, charging
from .service import module

HANDLERS_AND_WORKERS = (cancelling, closing, health, orders, reconciling, asking, charging)

for part in (accounts, periods, closes, entries, invoices, payments, charges, webhook, overview):
    module.app.include_router(part.router)

if __name__ == "__main__":
    module.run()
