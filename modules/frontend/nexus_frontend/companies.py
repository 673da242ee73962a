"""Names of companies, remembered for a while: the menu shows them on every page."""

from __future__ import annotations

import time

from nexus_frontend.api import Api

KEPT = 600.0  # seconds
AGAIN = 30.0  # seconds after which a name that could not be had is asked for again


class Companies:
    """Company names by id."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[float, str]] = {}

    async def name(self, api: Api) -> str:
        """The name of the visitor's company; empty when the users module cannot tell it."""
        company = api.session.company if api.session else ""
        until, name = self._names.get(company, (0.0, ""))
        if time.monotonic() < until:
            return name
        part = await api.part("/api/users/companies/current")
        name = str(part.data.get("name") or "") if part and isinstance(part.data, dict) else name
        self._names[company] = (time.monotonic() + (KEPT if part else AGAIN), name)
        return name

    def forget(self, company: str) -> None:
        """Ask again next time: the name was changed."""
        self._names.pop(company, None)
