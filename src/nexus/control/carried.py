"""Which deployment is being carried out, as the catalogue has it."""

from __future__ import annotations

from nexus.releases import Catalogue
from nexus.runtimes.home import Home


def deployment_of(home: Home, service: str) -> int:
    """The number of the deployment of a service that is not finished; 0 when there is none."""
    catalogue = Catalogue(home.database)
    try:
        return max((each.id for each in catalogue.unfinished() if service in each.services), default=0)
    finally:
        catalogue.close()
