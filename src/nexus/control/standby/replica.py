"""Read-only questions of the platform go to the standby while it is close behind, else to the primary."""

from __future__ import annotations

from nexus.control.secrets import CHECK_URL
from nexus.control.standby.keeping import StandingBy
from nexus.control.targets import REPLICA_URL
from nexus.runtimes.process import accounts
from nexus.standby import addresses
from nexus.standby.replication import Look

LATE = 5.0  # seconds that answers may be old


async def offer(standing: StandingBy, seen: Look | None) -> None:
    """Tells those who ask for figures where to ask: the file is there exactly while the standby will do."""
    if not standing.possible:
        return
    home, name = standing.site.home, standing.database.name
    file, record = home.secret(name, REPLICA_URL), standing.records.standby
    standby = standing.standby
    fit = seen is not None and seen.streams and seen.seconds <= LATE
    source = standing.site.secret(standing.database, CHECK_URL)
    if not fit or record is None or standby is None or standby.state != "ready" or not source.exists():
        if file.exists():
            file.unlink()
            standing.keeper.tell({"event": "replica", "service": name, "used": False})
        return
    url = addresses.at(source.read_text().strip(), standby.slot.port)
    if not file.exists() or file.read_text() != url:
        accounts.private_file(file, url, standing.keeper.account(name))
        standing.keeper.tell({"event": "replica", "service": name, "used": True})
