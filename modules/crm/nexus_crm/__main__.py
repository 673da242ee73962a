"""Start the CRM: ``python -m nexus_crm``."""

from nexus_crm import (
    contacts,
    conversion,
    customers,
    health,
    interactions,
    leads,
    merging,
    tax_id_routes,
)
from nexus_crm.chassis import module

for part in (customers, merging, contacts, interactions, leads, conversion, tax_id_routes):
    module.app.include_router(part.router)
health.register(module)

if __name__ == "__main__":
    module.run()
